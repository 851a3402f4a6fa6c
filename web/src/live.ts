import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

/** What is shown is asked for again when the service says that there is news; at most twice a second. */
export function useLive(enabled: boolean): void {
  const client = useQueryClient()
  useEffect(() => {
    if (!enabled) return
    const news = new Set<string>()
    let timer: ReturnType<typeof setTimeout> | null = null
    const tell = () => {
      timer = null
      for (const topic of news) void client.invalidateQueries({ queryKey: [topic] })
      news.clear()
    }
    const source = new EventSource('/api/live')
    source.onmessage = ({ data }) => {
      for (const topic of JSON.parse(String(data)) as string[]) news.add(topic)
      timer ??= setTimeout(tell, 500)
    }
    // After a break something may have been missed.
    let broken = false
    source.onerror = () => void (broken = true)
    source.onopen = () => {
      if (broken) void client.invalidateQueries()
      broken = false
    }
    return () => {
      if (timer !== null) clearTimeout(timer)
      source.close()
    }
  }, [client, enabled])
}
