/** Words that a filter or a rewrite of one value is likely to name, in any text column. */

const list = `
  test testing tester tests demo example sample dummy fake trial sandbox staging dev prod debug internal qa bot robot
  crawler load loadtest perf smoke canary e2e ci system service admin administrator root superuser staff teacher tutor
  instructor proctor reviewer author parent guest anonymous anon unknown nobody none null nil undefined nan na n/a
  default other others misc general all any empty blank missing tbd todo void invalid error failed fail failure ready
  started in_progress in-progress progress paused pending queued open active inactive enabled disabled completed complete
  done finished submitted graded scored published final draft closed expired timeout timed_out abandoned aborted
  cancelled canceled rejected deleted removed archived hidden private public banned blocked suspended flagged cheating
  practice warmup warm-up tutorial intro onboarding placement pretest posttest pilot field anchor calibration survey
  feedback questionnaire consent instructions bonus optional experimental beta alpha legacy old new v1 v2 imported
  import migrated copy duplicate retake retry review homework quiz exam midterm algebra geometry arithmetic fractions
  probability statistics calculus trigonometry math maths mathematics reading writing listening speaking grammar
  vocabulary spelling essay science physics chemistry biology history geography english spanish german french chinese
  arabic music art coding true false yes no on off 0 1 -1 42 99 100 999 1000 9999 x y a b id user student learner
  candidate child minor class group school org tenant foo bar baz qux lorem ipsum hello world data item question answer
  level1 beginner advanced easy medium hard http https www mailto auth google sso tmp temp sub`

export const words: readonly [string, ...string[]] = ['test', ...list.trim().split(/\s+/).slice(1)]
