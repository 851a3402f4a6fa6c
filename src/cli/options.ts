import { InvalidArgumentError } from 'commander'

/** Reads an option's whole number of at least `least`; anything else is wrong use and says so. */
export const wholeNumber = (least: number) => (text: string): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least) return value
  throw new InvalidArgumentError(`It has to be a whole number of at least ${least}.`)
}

/** Reads an option's moment with its zone: `2027-01-31T08:00:00Z`. */
export function moment(text: string): string {
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw new InvalidArgumentError('It has to be a moment with its zone, such as 2027-01-31T08:00:00Z.')
  return text
}

/** As `moment`; a bare day is its first moment in UTC. */
export const momentOrDay = (text: string): string => moment(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)

/** Reads a list with commas between, each name once. */
export function names(text: string): readonly string[] {
  const found = [...new Set(text.split(',').map((one) => one.trim()).filter((one) => one !== ''))]
  if (found.length === 0) throw new InvalidArgumentError('It has to name at least one user, such as alice,bob.')
  return found
}
