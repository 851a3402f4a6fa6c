import { badRequest } from './errors.ts'

const SHAPE = /^(\w+) (?:\{([0-9a-f-]{36})\} (?:Name (\S+)|Id (0x[0-9a-f]+))|(0x[0-9a-f]+))$/i

/**
 * One spelling of an extended property's id: the types and the guid ignore case, the name does not.
 * Documentation: https://learn.microsoft.com/graph/api/resources/singlevaluelegacyextendedproperty
 */
export function propertyKey(id: string): string {
  const match = SHAPE.exec(id)
  if (!match) throw badRequest(`The property id '${id}' is invalid: PropertyId values are such as "String {guid} Name Color".`, 'ErrorInvalidProperty')
  const [, type = '', guid = '', name, numeric = '', tag = ''] = match
  return name === undefined ? `${type} ${guid} ${numeric}${tag}`.toLowerCase() : `${type} ${guid}`.toLowerCase() + ` ${name}`
}

/** The extended properties of a request laid over those there are; a null value takes one away. */
export function readExtended(before: Record<string, string>, list: any): Record<string, string> {
  if (list === undefined) return before
  if (!Array.isArray(list)) throw badRequest("Cannot convert the value of 'singleValueExtendedProperties' to a collection.", 'RequestBodyRead')
  const after = { ...before }
  for (const { id, value } of list) {
    const key = propertyKey(String(id))
    for (const known of Object.keys(after)) if (propertyKey(known) === key) delete after[known]
    if (value !== null && value !== undefined) after[id] = String(value)
  }
  return after
}

/** The value of one property; undefined where the item lacks it. */
export function valueOf(extended: Record<string, string>, id: string): string | undefined {
  const key = propertyKey(id)
  for (const [known, value] of Object.entries(extended)) if (propertyKey(known) === key) return value
  return undefined
}

/** What $expand=singleValueExtendedProperties($filter=id eq '...') answers; nothing without a filter. */
export function renderExtended(extended: Record<string, string>, ids: string[]): { id: string; value: string }[] {
  return ids.flatMap((id) => {
    const value = valueOf(extended, id)
    return value === undefined ? [] : [{ id, value }]
  })
}
