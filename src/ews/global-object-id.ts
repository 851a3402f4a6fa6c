/**
 * The binary form of a meeting's UID (MS-OXOCAL, PidLidCleanGlobalObjectId): what stores can be searched by where
 * `calendar:UID` cannot.
 */
const CLASS_ID = '040000008200E00074C5B7101A82E008'
/** Instance date (zero in the clean form), creation time and reserved bytes. */
const ZEROS = '00'.repeat(4 + 8 + 8)

/** @returns base64 */
export function cleanGlobalObjectId(uid: string): string {
  if (uid.toUpperCase().startsWith(CLASS_ID) && /^(?:[0-9a-f]{2})+$/i.test(uid)) {
    // Bytes 16 to 19 hold the date of a single occurrence; the clean form has none.
    return Buffer.from(`${uid.slice(0, 32)}00000000${uid.slice(40)}`, 'hex').toString('base64')
  }
  const data = Buffer.concat([Buffer.from('vCal-Uid'), Buffer.from([1, 0, 0, 0]), Buffer.from(uid), Buffer.from([0])])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(data.length)
  return Buffer.concat([Buffer.from(CLASS_ID + ZEROS, 'hex'), size, data]).toString('base64')
}
