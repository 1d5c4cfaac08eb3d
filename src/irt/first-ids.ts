/** The items that a problem is about: how many they are, and the first of them by name. */

/** Ids that a problem names. */
const named = 5

export class FirstIds {
  length = 0
  readonly #first: string[] = []

  add(id: string): void {
    if (this.length++ < named) this.#first.push(id)
  }

  /** `item_id 1, 2, 3, 4, 5 and 7 more` */
  toString(): string {
    return `item_id ${this.#first.join(', ')}${this.length > named ? ` and ${this.length - named} more` : ''}`
  }
}
