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
