/**
 * Writes src/lib/windows-zones-table.ts from the npm package cldr-core (Unicode licence).
 * Run it after an update of cldr-core: node scripts/generate-windows-zones.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface MapZone {
  _other: string
  _type: string
  _territory: string
}

const source = new URL('../node_modules/cldr-core/supplemental/windowsZones.json', import.meta.url)
const target = new URL('../src/lib/windows-zones-table.ts', import.meta.url)
const { supplemental } = JSON.parse(readFileSync(source, 'utf8')) as {
  supplemental: { version: { _cldrVersion: string }; windowsZones: { mapTimezones: { mapZone: MapZone }[] } }
}

/** CLDR keeps the names its ids were born with; people and tzdata use these. Resolved through the platform's links. */
const TODAY = [
  'Africa/Asmara', 'America/Argentina/Buenos_Aires', 'America/Argentina/Catamarca', 'America/Argentina/Cordoba',
  'America/Argentina/Jujuy', 'America/Argentina/Mendoza', 'America/Atikokan', 'America/Indiana/Indianapolis',
  'America/Kentucky/Louisville', 'America/Nuuk', 'Asia/Ho_Chi_Minh', 'Asia/Kathmandu', 'Asia/Kolkata', 'Asia/Yangon',
  'Atlantic/Faroe', 'Europe/Kyiv', 'Pacific/Chuuk', 'Pacific/Kanton', 'Pacific/Pohnpei',
]

const zones = supplemental.windowsZones.mapTimezones.map((entry) => entry.mapZone)
const toWindows = new Map<string, string>()
const toIana = new Map<string, string>()
for (const { _other, _type, _territory } of zones) {
  if (_territory === '001') toIana.set(_other, _type)
  for (const iana of _type.split(' ')) if (iana !== '') toWindows.set(iana, toWindows.get(iana) ?? _other)
}
const canonical = (zone: string) => new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
for (const name of TODAY) {
  const old = canonical(name)
  const windows = toWindows.get(name) ?? toWindows.get(old)
  if (windows === undefined) throw new Error(`"${name}" (${old}) is not in windowsZones; is the list in this script outdated?`)
  toWindows.set(name, windows)
  if (toIana.get(windows) === old) toIana.set(windows, name)
}

const sorted = (map: Map<string, string>) => [...map].sort(([left], [right]) => (left < right ? -1 : 1))
const byWindows = Map.groupBy(sorted(toWindows), ([, windows]) => windows)
const rows = [...toIana.keys()].sort().map((windows) => {
  const main = toIana.get(windows) ?? ''
  const others = (byWindows.get(windows) ?? []).map(([iana]) => iana).filter((iana) => iana !== main)
  return `  ['${windows}', '${[main, ...others].join(' ')}'],\n`
})
writeFileSync(target, `// Made by scripts/generate-windows-zones.ts from CLDR ${supplemental.version._cldrVersion} (Unicode licence).
/** Windows id, then its IANA names; the first is the one to translate to. */
export const WINDOWS_ZONES: readonly (readonly [string, string])[] = [
${rows.join('')}]
`)
console.log(`${rows.length} Windows zones, ${toWindows.size} IANA names.`)
