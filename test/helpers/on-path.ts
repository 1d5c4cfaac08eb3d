import { ownSchema } from '../../src/database/statement.js'

/** The text of a statement for a session that finds the relations on its search_path. */
export const onPath = (text: string): string => text.replaceAll(`"${ownSchema}".`, '')
