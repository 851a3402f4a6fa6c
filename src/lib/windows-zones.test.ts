import { expect, it } from 'vitest'
import { toIanaZone, toWindowsZone } from './windows-zones.ts'

it.each([
  ['Europe/Rome', 'W. Europe Standard Time'], ['Europe/Kyiv', 'FLE Standard Time'], ['Europe/Kiev', 'FLE Standard Time'],
  ['Asia/Calcutta', 'India Standard Time'], ['Asia/Kolkata', 'India Standard Time'], ['America/Ciudad_Juarez', 'Mountain Standard Time'],
  ['US/Eastern', 'Eastern Standard Time'], ['america/new_york', 'Eastern Standard Time'], ['UTC', 'UTC'], ['Etc/GMT', 'UTC'],
  ['Pacific/Kanton', 'UTC+13'], ['America/Nuuk', 'Greenland Standard Time'],
])('%s is %s to Windows', (iana, windows) => {
  expect(toWindowsZone(iana)).toBe(windows)
})

it.each([
  ['W. Europe Standard Time', 'Europe/Berlin'], ['FLE Standard Time', 'Europe/Kyiv'], ['India Standard Time', 'Asia/Kolkata'],
  ['eastern standard time', 'America/New_York'], ['UTC', 'Etc/UTC'],
])('%s is %s to everybody else', (windows, iana) => {
  expect(toIanaZone(windows)).toBe(iana)
})

it('does not guess', () => {
  expect(toWindowsZone('Mars/Olympus')).toBeUndefined()
  expect(toWindowsZone('+01:00')).toBeUndefined()
  expect(toIanaZone('tzone://Microsoft/Custom')).toBeUndefined()
})

it('knows every zone of the platform but one that Windows does not have', () => {
  expect(Intl.supportedValuesOf('timeZone').filter((zone) => toWindowsZone(zone) === undefined)).toEqual(['Antarctica/Troll'])
})
