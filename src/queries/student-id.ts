/** student_id of a user_id as the view maps it; the same expression is `attempt_student_id` in the database. */
import { createHash } from 'node:crypto'
import { invalid } from '../errors.js'

/** The view's rule: what `uuid_in` takes among the texts of 36 characters is cast, everything else is hashed. */
export function studentOfUser(user: string): string {
  const isUuid = user.length === 36 && /^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$/.test(user)
  const digits = isUuid ? user.replaceAll('-', '').toLowerCase() : createHash('md5').update(user, 'utf8').digest('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The student that a request names by either parameter. */
export function studentId(student: string | undefined, user: string | undefined): string | undefined {
  if (student !== undefined && user !== undefined)
    throw invalid('user_id', 'may not stand beside student_id; give one of them')
  return user === undefined ? student?.toLowerCase() : studentOfUser(user)
}
