/** How often a refresher does what. Not configuration: production has one set of values, tests shorten them. */
export interface RefresherIntervals {
  /** Between two steps of the loop while the queue is empty, milliseconds. */
  idleMs: number
  /** The same while KPIs of a day are computed, to write them soon. */
  computingMs: number
  /** With an empty queue, `caught_up_at` is renewed this often, milliseconds. */
  heartbeatMs: number
  /** Between two checks of the triggers on exam_results, milliseconds. */
  triggerCheckMs: number
  /** Between two steps of continuous verification, milliseconds. */
  verificationMs: number
  /** Between two removals of expired deletions from the change feed, milliseconds. */
  retentionMs: number
  /** Between two progress messages of a fill, milliseconds. */
  progressMs: number
  /**
   * From marking a store for a rebuild until it is emptied, milliseconds: requests that already chose the store can
   * begin to read it meanwhile, because TRUNCATE shows an empty table to every snapshot.
   */
  settleMs: number
  /** Between two attempts to become the leader, milliseconds. */
  electionMs: number
  /** Between two checks whether a store exists, while there is none, milliseconds. */
  absentStoreMs: number
  /** With `once`: for how long every attempt may fail before `run` gives up, milliseconds. */
  oncePatienceMs: number
  /** Between two checks whether the server still has the session, milliseconds. */
  sessionCheckMs: number
  /** After a day's KPIs could not be computed, milliseconds. */
  dayRetryMs: number
  /** The longest wait of a day that changes all the time, milliseconds. */
  longestDayWaitMs: number
  /** A day that changes all the time takes at most this share of the time to compute, 0 to 1. */
  dayComputeShare: number
  /** Between two comparisons of days, at least, milliseconds. */
  dayComparisonMs: number
  /** Comparing days takes at most this share of the time, 0 to 1. */
  dayComparisonShare: number
}

export const productionIntervals: RefresherIntervals = {
  idleMs: 200,
  computingMs: 20,
  heartbeatMs: 500,
  triggerCheckMs: 5_000,
  verificationMs: 1_000,
  retentionMs: 60_000,
  progressMs: 5_000,
  settleMs: 2_000,
  electionMs: 1_000,
  absentStoreMs: 5_000,
  oncePatienceMs: 10_000,
  sessionCheckMs: 10_000,
  dayRetryMs: 1_000,
  longestDayWaitMs: 600_000,
  dayComputeShare: 0.2,
  dayComparisonMs: 1_000,
  dayComparisonShare: 0.02,
}
