import { Type } from 'typebox'
import { distinctStudents, measures, p90 } from '../measures.js'
import { byDate, byTopic } from '../queries/aggregates.js'
import { closed, days, paging, parameters as p, range, source } from './parameters.js'
import { listResponse, rowSchema, suppressed } from './responses.js'

export const topicMeasures = [...measures, distinctStudents]
export const topicColumns = [byTopic, ...topicMeasures]
export const topicsQuerystring = closed({
  ...range,
  attempt_no: Type.Optional(p.attempt_no),
  ...paging,
  ...source,
})
export const topicsResponse = listResponse('TopicPage', rowSchema('Topic', topicColumns, 'One topic.'), suppressed)

export const topicDayMeasures = [...measures, distinctStudents, p90]
export const topicDayGroups = [byDate, byTopic] as const
export const topicDayColumns = [...topicDayGroups, ...topicDayMeasures]
export const topicDaysQuerystring = closed({ ...days, topic_id: Type.Optional(p.topic_id), ...paging, ...source })
export const topicDaysResponse = listResponse(
  'TopicDayPage',
  rowSchema('TopicDay', topicDayColumns, 'One topic and day.'),
  { tz: Type.String({ description: 'The time zone of the days', examples: ['UTC'] }), ...suppressed },
)
