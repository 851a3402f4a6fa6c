import { createContext, useContext, useMemo, useState } from 'react'
import type { ReactNode } from 'react'
import { en } from './en.ts'
import type { Key, Texts } from './en.ts'

export type Language = 'en' | 'it'
export type { Key } from './en.ts'

export interface Speech {
  readonly language: Language
  setLanguage(language: Language): void
  /** A text, with its {blanks} filled. "one|more" is chosen by {n}. */
  t(key: Key, blanks?: Record<string, string | number>): string
  /** The text of a key that is put together; what nobody translated is shown as it came. */
  maybe(key: string, otherwise?: string): string
  /** What the service says in English, which is all it speaks. @param code of an error: a shorter word where the sentence is not known */
  said(sentence: string, code?: string): string
  /** In the viewer's zone. */
  moment(at: string | number | Date, style?: 'full' | 'time' | 'date' | 'day' | 'weekday'): string
  /** "3 minutes ago", "in 2 hours". @param narrow in short */
  ago(at: string | number | Date, narrow?: boolean): string
  ms(ms: number): string
  number(value: number): string
  readonly zone: string
}

const Context = createContext<Speech | null>(null)
const STORED = 'connector.language'

const preferred = (): Language => {
  const stored = read()
  if (stored === 'en' || stored === 'it') return stored
  return navigator.language.toLowerCase().startsWith('it') ? 'it' : 'en'
}
const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

/** In a frame of another site storage may be shut. */
function read(): string | null {
  try {
    return localStorage.getItem(STORED)
  } catch {
    return null
  }
}

let italian: { readonly it: Texts; said(sentence: string): string } | null = null
async function loadItalian(): Promise<void> {
  const [{ it }, { service }, { translator }] = await Promise.all([import('./it.ts'), import('./it-service.ts'), import('./phrases.ts')])
  italian = { it, said: translator(service) }
}
/** Loaded before the first picture, so that no text changes its language under somebody's eyes. */
export async function prepareLanguage(): Promise<void> {
  if (preferred() === 'it') await loadItalian()
}

export function SpeechProvider({ zone, children }: { zone: string; children: ReactNode }) {
  const [language, setState] = useState<Language>(preferred)
  const speech = useMemo<Speech>(() => {
    const texts: Texts = language === 'it' && italian !== null ? italian.it : en
    document.documentElement.lang = language
    const plural = new Intl.PluralRules(language)
    const fill = (text: string, blanks: Record<string, string | number>) => (text.includes('|') ? (text.split('|')[plural.select(Number(blanks['n'])) === 'one' ? 0 : 1] ?? text) : text).replace(/\{(\w+)\}/g, (_, name: string) => String(blanks[name] ?? ''))
    const styles: Record<string, Intl.DateTimeFormatOptions> = {
      full: { dateStyle: 'medium', timeStyle: 'short' }, time: { hour: '2-digit', minute: '2-digit' }, date: { dateStyle: 'medium' }, day: { weekday: 'short', day: 'numeric', month: 'short' }, weekday: { weekday: 'short', day: 'numeric' },
    }
    const relatives = { long: new Intl.RelativeTimeFormat(language, { numeric: 'auto' }), narrow: new Intl.RelativeTimeFormat(language, { style: 'narrow' }) }
    return {
      language, zone,
      setLanguage(next) {
        try {
          localStorage.setItem(STORED, next)
        } catch {
          // It holds for this visit, then.
        }
        if (next === 'it' && italian === null) void loadItalian().then(() => setState(next))
        else setState(next)
      },
      t: (key, blanks = {}) => fill(texts[key], blanks),
      maybe: (key, otherwise = key) => (key in texts ? texts[key as Key] : otherwise),
      said(sentence, code) {
        if (language === 'en' || italian === null) return sentence
        const translated = italian.said(sentence)
        return translated === sentence && `code.${code}` in texts ? capital(texts[`code.${code}` as Key]) : translated
      },
      moment: (at, style = 'full') => new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { ...styles[style], timeZone: zone }).format(new Date(at)),
      ago(at, narrow = false) {
        const relative = narrow ? relatives.narrow : relatives.long
        const seconds = Math.round((new Date(at).getTime() - Date.now()) / 1000)
        const size = Math.abs(seconds)
        if (size < 60) return relative.format(seconds, 'second')
        if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute')
        if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
        return relative.format(Math.round(seconds / 86_400), 'day')
      },
      ms: (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(ms / 1000)} s`),
      number: (value) => new Intl.NumberFormat(language).format(value),
    }
  }, [language, zone])
  return <Context value={speech}>{children}</Context>
}

export function useSpeech(): Speech {
  const speech = useContext(Context)
  if (speech === null) throw new Error('no speech')
  return speech
}
