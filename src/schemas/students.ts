import { Type } from 'typebox'
import { mediaTypes } from '../formats/media-types.js'
import { measures } from '../measures.js'
import { byDate, byStudent, byTopic } from '../queries/aggregates.js'
import { studentColumns } from '../queries/students.js'
import { closed, days, paging, parameters as p, range, source } from './parameters.js'
import { asOf, listResponse, members, rowSchema } from './responses.js'

export const studentsQuerystring = closed({
  ...range,
  topic_id: Type.Optional(p.topic_id),
  item_id: Type.Optional(p.item_id),
  attempt_no: Type.Optional(p.attempt_no),
  min_attempts: Type.Optional(p.min_attempts),
  user_id: Type.Optional(p.user_id),
  ...paging,
  ...source,
})
export const studentsResponse = listResponse(
  'StudentPage',
  rowSchema('Student', studentColumns, 'One student, over all attempts that match the filters.'),
)

export const topicOfStudentColumns = [byTopic, ...measures]
export const studentParams = closed({ student_id: p.student_id })
export const studentQuerystring = closed({ format: Type.Optional(p.format), ...source })
export const studentResponse = {
  description: 'The student',
  content: {
    [mediaTypes.json]: {
      schema: Type.Object(
        {
          ...members(studentColumns),
          topics: Type.Array(rowSchema('StudentTopic', topicOfStudentColumns, 'One topic of the student.')),
          as_of: asOf(),
        },
        { $id: 'StudentDetail' },
      ),
    },
  },
}

export const studentDayGroups = [byDate, byStudent, byTopic] as const
export const studentDayColumns = [...studentDayGroups, ...measures]
export const studentDaysQuerystring = closed({
  ...days,
  student_id: Type.Optional(p.student_id),
  topic_id: Type.Optional(p.topic_id),
  ...paging,
  ...source,
})
export const studentDaysResponse = listResponse(
  'StudentDayPage',
  rowSchema('StudentDay', studentDayColumns, 'One student, topic and day.'),
  { tz: Type.String({ description: 'The time zone of the days', examples: ['UTC'] }) },
)
