import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where and why a document breaks the schema; line and position count from 1. */
export interface SchemaViolation {
  line: number
  position: number
  message: string
}

export interface EwsSchema {
  /** The first violation of a whole SOAP envelope, or null. */
  check(envelope: string): SchemaViolation | null
}

/** An envelope around the message schema: header blocks are checked when known, the body always. */
const ENVELOPE_XSD = `<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
  targetNamespace="http://schemas.xmlsoap.org/soap/envelope/" elementFormDefault="qualified">
  <xs:import namespace="http://schemas.microsoft.com/exchange/services/2006/messages" schemaLocation="messages.xsd"/>
  <xs:import namespace="http://schemas.microsoft.com/exchange/services/2006/types" schemaLocation="types.xsd"/>
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
      <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType><xs:choice>
      <xs:element name="Fault"><xs:complexType><xs:sequence>
        <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
      <xs:any namespace="http://schemas.microsoft.com/exchange/services/2006/messages" processContents="strict"/>
    </xs:choice><xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
  </xs:sequence><xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
</xs:schema>`

const COMPILED = new Map<string, Promise<EwsSchema>>()

/**
 * Compiles messages.xsd and types.xsd of a folder, once per process: it takes a quarter of a second.
 * @returns null when the folder does not hold the schemas.
 */
export async function loadSchema(schemaDir: string): Promise<EwsSchema | null> {
  if (!existsSync(join(schemaDir, 'messages.xsd'))) return null
  const known = COMPILED.get(schemaDir)
  if (known) return known
  const compiling = compile(schemaDir)
  COMPILED.set(schemaDir, compiling)
  return compiling
}

async function compile(schemaDir: string): Promise<EwsSchema> {
  const { XmlDocument, XsdValidator, XmlLibError } = await import('libxml2-wasm')
  const { xmlRegisterFsInputProviders } = await import('libxml2-wasm/lib/nodejs.mjs')
  xmlRegisterFsInputProviders()
  const url = pathToFileURL(join(resolve(schemaDir), 'soap-envelope.xsd')).href
  const definition = XmlDocument.fromString(ENVELOPE_XSD, { url })
  const validator = XsdValidator.fromDoc(definition)
  definition.dispose()
  return {
    check(envelope) {
      let document: InstanceType<typeof XmlDocument> | undefined
      try {
        document = XmlDocument.fromString(envelope)
        validator.validate(document)
        return null
      } catch (error) {
        if (!(error instanceof XmlLibError)) throw error
        const detail = error.details[0]
        return {
          line: detail?.line ?? 1,
          position: detail?.col || 1,
          message: (detail?.message ?? error.message).trim(),
        }
      } finally {
        document?.dispose()
      }
    },
  }
}
