/**
 * Windows time zone ids, which Exchange speaks, and IANA names, which everybody else speaks (CLDR windowsZones).
 */
import { WINDOWS_ZONES } from './windows-zones-table.ts'

const toWindows = new Map<string, string>()
const toIana = new Map<string, string>()
for (const [windows, names] of WINDOWS_ZONES) {
  const all = names.split(' ')
  toIana.set(windows.toLowerCase(), all[0] ?? 'Etc/UTC')
  for (const name of all) toWindows.set(name.toLowerCase(), windows)
}
// What servers and people write for UTC besides the names in the table.
for (const name of ['utc', 'etc/gmt', 'gmt', 'z', 'etc/uct', 'zulu']) toWindows.set(name, 'UTC')

/**
 * @param iana zone name of any age (`Europe/Kyiv`, `Asia/Calcutta`, `US/Eastern`)
 * @returns Windows id (`W. Europe Standard Time`), undefined when Windows has no such zone
 */
export function toWindowsZone(iana: string): string | undefined {
  return toWindows.get(iana.toLowerCase()) ?? toWindows.get(canonicalName(iana)?.toLowerCase() ?? '')
}

/** @returns IANA name, undefined for a custom or unknown Windows id */
export function toIanaZone(windowsId: string): string | undefined {
  return toIana.get(windowsId.toLowerCase())
}

function canonicalName(iana: string): string | undefined {
  // The platform also takes bare offsets, which are not names of zones.
  if (!/^[A-Za-z]/.test(iana)) return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone: iana }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}
