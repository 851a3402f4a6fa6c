import { en } from './en.ts'
import type { Texts } from './en.ts'
export const it: Texts = { ...en }
