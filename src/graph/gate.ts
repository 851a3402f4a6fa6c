/** At most so many at once; the others wait their turn, first come first served. A batch takes several places. */
export class Gate {
  readonly #size: number
  #free: number
  readonly #waiting: { readonly weight: number; readonly enter: () => void }[] = []

  constructor(size: number) {
    this.#size = size
    this.#free = size
  }

  async run<T>(weight: number, work: () => Promise<T>): Promise<T> {
    const places = Math.min(weight, this.#size)
    if (this.#waiting.length === 0 && this.#free >= places) this.#free -= places
    else await new Promise<void>((enter) => this.#waiting.push({ weight: places, enter }))
    try {
      return await work()
    } finally {
      this.#free += places
      this.#admit()
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && next.weight <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#free -= next.weight
      next.enter()
    }
  }
}
