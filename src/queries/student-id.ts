/** Maps a user_id to its student_id. The function attempt_student_id in the database gives the same result. */
import { createHash } from 'node:crypto'
import { invalid } from '../errors.js'

/** The rule of the view: a text of 36 characters that `uuid_in` accepts is cast to uuid; any other text is hashed. */
export function studentOfUser(user: string): string {
  const isUuid = user.length === 36 && /^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$/.test(user)
  const digits = isUuid ? user.replaceAll('-', '').toLowerCase() : createHash('md5').update(user, 'utf8').digest('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/**
 * The student of a request, from `student_id` or `user_id`.
 * @throws ApiError invalid_parameter if the request has both
 */
export function studentId(student: string | undefined, user: string | undefined): string | undefined {
  if (student !== undefined && user !== undefined)
    throw invalid('user_id', 'cannot be combined with student_id; send only one of them')
  return user === undefined ? student?.toLowerCase() : studentOfUser(user)
}
