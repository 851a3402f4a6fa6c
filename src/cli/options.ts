import { InvalidArgumentError } from 'commander'

/** Reads an option's whole number of at least `least`; anything else is wrong use and says so. */
export const wholeNumber = (least: number) => (text: string): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least) return value
  throw new InvalidArgumentError(`It has to be a whole number of at least ${least}.`)
}
