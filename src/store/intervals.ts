/** Intervals of the refresher's tasks. Not configuration: production has one set of values, and tests shorten them. */
export interface RefresherIntervals {
  /** Between two steps of the loop while the queue is empty, milliseconds. */
  idleMs: number
  /** The same while the KPIs of a day are being computed: shorter, so that they are written soon. Milliseconds. */
  computingMs: number
  /** Between two updates of `caught_up_at` while the queue is empty, milliseconds. */
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
   * From marking a store for a rebuild until it is emptied, milliseconds. Requests that have already chosen the store
   * need this time to begin reading: after TRUNCATE, every snapshot sees an empty table.
   */
  settleMs: number
  /** Between two attempts to become the leader, milliseconds. */
  electionMs: number
  /** Between two checks whether a store exists, while there is none, milliseconds. */
  absentStoreMs: number
  /** With `once`: `run` gives up after every attempt has failed for this long, milliseconds. */
  oncePatienceMs: number
  /** Between two checks whether the server still has the session, milliseconds. */
  sessionCheckMs: number
  /** From a failed computation of a day's KPIs to the next attempt, milliseconds. */
  dayRetryMs: number
  /** The longest time that a day which changes constantly waits for its next computation, milliseconds. */
  longestDayWaitMs: number
  /** The share of time spent on computing one day that changes constantly, at most; 0 to 1. */
  dayComputeShare: number
  /** The shortest time between two comparisons of days, milliseconds. */
  dayComparisonMs: number
  /** The share of time spent on comparing days, at most; 0 to 1. */
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
