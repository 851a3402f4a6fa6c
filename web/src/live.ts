import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

const AGAIN_MS = 3000
/** A break that heals at once is nobody's business. */
const PATIENCE_MS = 2000

/**
 * What is shown is asked for again when the service says that there is news; at most twice a second.
 * @returns whether the service has been silent for a while: then what is shown may be out of date
 */
export function useLive(enabled: boolean): boolean {
  const client = useQueryClient()
  const [isAway, setAway] = useState(false)
  useEffect(() => {
    if (!enabled) return
    const news = new Set<string>()
    const timers: Partial<Record<'tell' | 'away' | 'again', ReturnType<typeof setTimeout>>> = {}
    const tell = () => {
      delete timers.tell
      for (const topic of news) void client.invalidateQueries({ queryKey: [topic] })
      news.clear()
    }
    let broken = false
    let source: EventSource
    const open = () => {
      source = new EventSource('/api/live')
      source.onmessage = ({ data }) => {
        for (const topic of JSON.parse(String(data)) as string[]) news.add(topic)
        timers.tell ??= setTimeout(tell, 500)
      }
      source.onerror = () => {
        broken = true
        timers.away ??= setTimeout(() => setAway(true), PATIENCE_MS)
        if (source.readyState !== EventSource.CLOSED) return
        // Refused, by a proxy or because the session has ended: the browser does not try again by itself.
        void client.invalidateQueries({ queryKey: ['session'] })
        timers.again = setTimeout(open, AGAIN_MS)
      }
      source.onopen = () => {
        clearTimeout(timers.away)
        delete timers.away
        setAway(false)
        // After a break something may have been missed.
        if (broken) void client.invalidateQueries()
        broken = false
      }
    }
    open()
    return () => {
      for (const timer of Object.values(timers)) clearTimeout(timer)
      source.close()
      setAway(false)
    }
  }, [client, enabled])
  return isAway
}
