/**
 * Minimum counts, applied repeatedly until all hold: the (p,q)-core of the graph of students and items. The result does
 * not depend on the order of removal, because a removed vertex can be in no core.
 */
import { type ByItem, byItem } from './transpose.js'
import { overStudents, Pacer } from './pacer.js'
import type { ResponseMatrix } from './response-matrix.js'

export interface PeelOptions {
  /** Responses that an item needs; less than 1 counts as 1, because an item without responses has no column. */
  minPerItem?: number
  /** Responses to kept items that a student needs; less than 1 counts as 1. */
  minPerStudent?: number
  /** Ids of items that are kept whatever their counts. */
  anchors?: readonly string[]
  signal?: AbortSignal
}

/** What remains of a matrix, by the numbers of items and students. A response is kept if its item and student are. */
export interface Kept {
  /** 1 for each item that is kept. */
  items: Uint8Array
  /** 1 for each student that is kept. */
  students: Uint8Array
  /** Kept responses of each item and student; 0 for a dropped one, and for an anchor that lost all its students. */
  itemResponses: Int32Array
  studentResponses: Int32Array
  /** Responses of each item before anything was dropped. */
  allItemResponses: Int32Array
  /** Kept items, students and responses. */
  itemCount: number
  studentCount: number
  responseCount: number
  /** Anchors without any response in the matrix, as given. */
  absentAnchors: string[]
}

/**
 * Applies minimum counts of responses; several of one student to one item count each. Linear in the responses.
 * @throws the reason of an aborted signal
 */
export async function peel(matrix: ResponseMatrix, options: PeelOptions = {}): Promise<Kept> {
  const pacer = new Pacer(options.signal)
  const minPerItem = Math.max(1, options.minPerItem ?? 1)
  const minPerStudent = Math.max(1, options.minPerStudent ?? 1)
  const items = new Uint8Array(matrix.items).fill(1)
  const students = new Uint8Array(matrix.students).fill(1)
  const itemResponses = new Int32Array(matrix.items)
  const studentResponses = new Int32Array(matrix.students)

  const absentAnchors: string[] = []
  const anchored = new Uint8Array(matrix.items)
  for (const id of options.anchors ?? []) {
    const item = matrix.itemOf(id)
    if (item === undefined) absentAnchors.push(id)
    else anchored[item] = 1
  }

  await overStudents(matrix, pacer, (from, to) => {
    for (let student = from; student < to; student++) {
      const begin = matrix.begin(student)
      const end = matrix.end(student)
      studentResponses[student] = end - begin
      for (let response = begin; response < end; response++) itemResponses[matrix.item(response)]!++
    }
  })

  // Work lists: an item or student enters one once, when it is dropped, and is then subtracted from its neighbours.
  const droppedItems: number[] = []
  const droppedStudents: number[] = []
  const checkItem = (item: number) => {
    if (items[item] === 1 && anchored[item] === 0 && itemResponses[item]! < minPerItem) {
      items[item] = 0
      droppedItems.push(item)
    }
  }
  const checkStudent = (student: number) => {
    if (students[student] === 1 && studentResponses[student]! < minPerStudent) {
      students[student] = 0
      droppedStudents.push(student)
    }
  }
  const all = itemResponses.slice() // the counts before anything is dropped
  for (let item = 0; item < matrix.items; item++) checkItem(item)
  for (let student = 0; student < matrix.students; student++) checkStudent(student)

  let transpose: ByItem | undefined
  let steps = 0
  while (droppedStudents.length > 0 || droppedItems.length > 0) {
    const student = droppedStudents.pop()
    if (student !== undefined) {
      const end = matrix.end(student)
      for (let response = matrix.begin(student); response < end; response++) {
        const item = matrix.item(response)
        itemResponses[item]!--
        checkItem(item)
        if ((++steps & 0x1fff) === 0 && pacer.due()) await pacer.rest()
      }
      continue
    }
    const item = droppedItems.pop()!
    if (itemResponses[item] === 0) continue // all its students are dropped
    // built on first use: many requests drop no item
    transpose ??= await byItem(matrix, all, pacer)
    const end = transpose.begins[item + 1]!
    for (let at = transpose.begins[item]!; at < end; at++) {
      const student = transpose.entries[at]! >>> 1
      studentResponses[student]!--
      checkStudent(student)
      if ((++steps & 0x1fff) === 0 && pacer.due()) await pacer.rest()
    }
  }

  // A response between a dropped item and a dropped student was subtracted once or twice: such counts mean nothing.
  let itemCount = 0
  let studentCount = 0
  let responseCount = 0
  for (let item = 0; item < matrix.items; item++) {
    if (items[item] === 0) itemResponses[item] = 0
    else {
      itemCount++
      responseCount += itemResponses[item]!
    }
  }
  for (let student = 0; student < matrix.students; student++) {
    if (students[student] === 0) studentResponses[student] = 0
    else studentCount++
  }
  return {
    items,
    students,
    itemResponses,
    studentResponses,
    allItemResponses: all,
    itemCount,
    studentCount,
    responseCount,
    absentAnchors,
  }
}
