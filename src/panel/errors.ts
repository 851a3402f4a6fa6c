/** A request that is not carried out: what is wrong and how to mend it, for the person who asked. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const refused = (status: number, code: string, message: string): Refusal => new Refusal(status, code, message)
