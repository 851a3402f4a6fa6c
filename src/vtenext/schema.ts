import type { ItemKind } from '../model/index.ts'
import type { Sessions } from './session.ts'

export const MODULES = { event: 'Events', task: 'Calendar', contact: 'Contacts' } as const satisfies Record<
  ItemKind,
  string
>

/** A module as this installation has it: an administrator may remove fields, rename and add picklist values. */
export interface Schema {
  readonly module: string
  readonly idPrefix: string
  readonly fields: ReadonlySet<string>
  readonly picklists: ReadonlyMap<string, readonly string[]>
  /** Name of the field that carries the Exchange id, where the administrator has added it. */
  readonly reference: string | null
  /** Mandatory fields that have no default. */
  readonly mandatory: readonly { readonly name: string; readonly label: string }[]
}

interface DescribedField {
  readonly name?: unknown
  readonly label?: unknown
  readonly mandatory?: unknown
  readonly default?: unknown
  readonly type?: { readonly picklistValues?: readonly { readonly value?: unknown }[] }
}

/** @param result of `describe` @param referenceLabel label of the field that carries the Exchange id */
export function readSchema(result: unknown, module: string, referenceLabel: string): Schema {
  const described = (result ?? {}) as { idPrefix?: unknown; fields?: readonly DescribedField[] }
  const fields = Array.isArray(described.fields) ? (described.fields as readonly DescribedField[]) : []
  const picklists = new Map<string, readonly string[]>()
  for (const field of fields) {
    const values = field.type?.picklistValues
    if (Array.isArray(values))
      picklists.set(
        String(field.name),
        values.map(({ value }) => String(value)),
      )
  }
  const label = referenceLabel.trim().toLowerCase()
  const reference = fields.find((field) => String(field.label).trim().toLowerCase() === label)
  return {
    module,
    idPrefix: String(described.idPrefix ?? ''),
    fields: new Set(fields.map(({ name }) => String(name))),
    picklists,
    reference: reference === undefined ? null : String(reference.name),
    mandatory: fields
      .filter((field) => field.mandatory === true && (field.default ?? '') === '')
      .map((field) => ({ name: String(field.name), label: String(field.label) })),
  }
}

/** https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Describe */
export async function describeModule(sessions: Sessions, module: string, referenceLabel: string): Promise<Schema> {
  return readSchema(await sessions.call('describe', { elementType: module }), module, referenceLabel)
}

/**
 * The first wished value that the installation's picklist has.
 * @returns null when it has none of them
 */
export function pick(schema: Schema, field: string, wished: readonly string[]): string | null {
  const values = schema.picklists.get(field) ?? []
  return wished.find((value) => values.includes(value)) ?? null
}
