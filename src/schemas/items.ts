import { Type } from 'typebox'
import { distinctStudents, firstCompleted, lastCompleted, measures, pValue } from '../measures.js'
import { byItem } from '../queries/aggregates.js'
import { closed, paging, parameters as p, range, source } from './parameters.js'
import { listResponse, rowSchema, suppressed } from './responses.js'

export const itemMeasures = [...measures, distinctStudents, pValue, firstCompleted, lastCompleted]
export const itemColumns = [byItem, ...itemMeasures]
export const itemsQuerystring = closed({
  ...range,
  topic_id: Type.Optional(p.topic_id),
  min_attempts: Type.Optional(p.min_attempts),
  ...paging,
  ...source,
})
export const itemsResponse = listResponse('ItemPage', rowSchema('Item', itemColumns, 'One item.'), suppressed)
