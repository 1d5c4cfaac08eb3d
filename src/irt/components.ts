/**
 * Connections between items: by students who answered both of two items, and by students who solved one and failed the
 * other. The first makes differences of difficulty comparable, the second makes their estimates finite.
 */
import { byItem } from './transpose.js'
import type { Pacer } from './pacer.js'
import type { Kept } from './peel.js'
import type { ResponseMatrix } from './response-matrix.js'

/** Disjoint sets of the numbers below `size`, joined by size with path halving. */
export class DisjointSets {
  private readonly parents: Int32Array
  private readonly sizes: Int32Array

  constructor(size: number) {
    this.parents = Int32Array.from({ length: size }, (_, member) => member)
    this.sizes = new Int32Array(size).fill(1)
  }

  /** The member that represents the set. */
  root(member: number): number {
    const { parents } = this
    while (parents[member] !== member) {
      parents[member] = parents[parents[member]!]!
      member = parents[member]!
    }
    return member
  }

  join(one: number, other: number): void {
    let large = this.root(one)
    let small = this.root(other)
    if (large === small) return
    if (this.sizes[large]! < this.sizes[small]!) [large, small] = [small, large]
    this.parents[small] = large
    this.sizes[large]! += this.sizes[small]!
  }
}

/** Items by strongly connected component. */
export interface Strong {
  /** The component's number, from 0, by item; -1 for items outside the graph. */
  component: Int32Array
  /** Items of each component. */
  sizes: number[]
}

/**
 * The strongly connected components of the directed graph of items in which i points to j if a student has solved i
 * and failed j. If there are several, no maximum-likelihood estimate of the Rasch model is finite for all
 * differences between them (G. H. Fischer, Psychometrika 46, 1981, 59-77, for complete and incomplete data); eRm's
 * RM() stops with "ill-conditioned data matrix" on the same condition.
 *
 * The number of pairs of items is quadratic, so the graph has the students as nodes too: an item points to the students
 * who solved it, a student to the items that they failed. The components of the items are the same, and the time is
 * linear in the responses.
 *
 * @param included 1 for each item in the graph
 * @param counts responses in the matrix (kept or not) by item
 */
export async function strongComponents(
  matrix: ResponseMatrix,
  kept: Kept,
  included: Uint8Array,
  counts: Int32Array,
  pacer: Pacer,
): Promise<Strong> {
  const { begins, entries } = await byItem(matrix, counts, pacer)
  const items = matrix.items
  const nodes = items + matrix.students // students after the items
  const component = new Int32Array(items).fill(-1)
  const sizes: number[] = []

  // Tarjan's algorithm with an explicit stack, because a path may run through every item and student
  const visited = new Int32Array(nodes) // when, from 1; 0: not yet
  const lowest = new Int32Array(nodes)
  const next = new Int32Array(nodes) // the edge to look at next
  const open = new Uint8Array(nodes) // on the stack of those without a component
  const stack: number[] = []
  const path: number[] = []
  let time = 0
  let steps = 0

  const enter = (node: number) => {
    visited[node] = lowest[node] = ++time
    next[node] = node < items ? begins[node]! : matrix.begin(node - items)
    open[node] = 1
    stack.push(node)
    path.push(node)
  }

  for (let root = 0; root < items; root++) {
    if (included[root] === 0 || visited[root] !== 0) continue
    enter(root)
    while (path.length > 0) {
      if ((++steps & 0x3fff) === 0 && pacer.due()) await pacer.rest()
      const node = path[path.length - 1]!
      const end = node < items ? begins[node + 1]! : matrix.end(node - items)
      let entered = false
      for (let edge = next[node]!; edge < end; edge++) {
        let target: number
        if (node < items) {
          const entry = entries[edge]!
          if ((entry & 1) === 0 || kept.students[entry >>> 1] === 0) continue
          target = items + (entry >>> 1)
        } else {
          const packed = matrix.itemAndCorrect(edge)
          target = packed >>> 1
          if ((packed & 1) === 1 || included[target] === 0) continue
        }
        if (visited[target] === 0) {
          next[node] = edge + 1
          enter(target)
          entered = true
          break
        }
        if (open[target] === 1 && visited[target]! < lowest[node]!) lowest[node] = visited[target]!
      }
      if (entered) continue
      path.pop()
      const parent = path[path.length - 1]
      if (parent !== undefined && lowest[node]! < lowest[parent]!) lowest[parent] = lowest[node]!
      if (lowest[node] !== visited[node]) continue
      let size = 0
      for (;;) {
        const member = stack.pop()!
        open[member] = 0
        if (member < items) {
          component[member] = sizes.length
          size++
        }
        if (member === node) break
      }
      if (size > 0) sizes.push(size)
    }
  }
  return { component, sizes }
}
