import { Box, Text } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useState } from 'react'
import type { Latency } from '../../../src/http/api-types.ts'
import { useSpeech } from '../i18n/index.tsx'

const HEIGHT = 150
const LEFT = 46
const BOTTOM = 22
const TOP = 8

/** p50 and p95 over time; slices without a change stay empty, so lines never pretend. */
export function LatencyChart({ latency, side }: { latency: Latency; side: 'exchange' | 'crm' }) {
  const { t, ms, moment } = useSpeech()
  const [shown, setShown] = useState<number | null>(null)
  // Drawn as wide as it is shown: its words keep their size on a phone.
  const { ref, width } = useElementSize()
  const wide = Math.max(240, width || 600)
  const points = latency.points.filter((point) => point.side === side)
  const summary = latency.summary.find((one) => one.side === side)
  const label = side === 'crm' ? t('health.toCrm') : t('health.toExchange')
  const since = Date.parse(latency.since)
  const span = Date.parse(latency.until) - since
  const top = niceTop(Math.max(1000, ...points.map(({ p95 }) => p95)))
  const x = (at: string) => LEFT + (Math.max(0, Date.parse(at) - since) / span) * (wide - LEFT - 8)
  const y = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)
  const line = (of: 'p50' | 'p95') => points.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.at).toFixed(1)} ${y(point[of]).toFixed(1)}`).join('')
  const at = shown === null ? undefined : points[shown]
  const spoken = summary === undefined ? t('health.noChanges') : `${t('health.p50')} ${ms(summary.p50)}, ${t('health.p95')} ${ms(summary.p95)}, ${t('health.changes', { n: summary.count })}`
  return (
    <Box ref={ref}>
      <Box mb={6}>
        <Text fw={600} size="sm">{label}</Text>
        <Text size="sm" c="dimmed" aria-live="off">
          {at === undefined ? spoken : `${moment(at.at, 'time')}: ${ms(at.p50)} / ${ms(at.p95)}, ${t('health.changes', { n: at.count })}`}
        </Text>
      </Box>
      <svg viewBox={`0 0 ${wide} ${HEIGHT}`} className="chart" role="img" aria-label={`${label}: ${spoken}`} onMouseLeave={() => setShown(null)}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line x1={LEFT} x2={wide - 8} y1={y(part * top)} y2={y(part * top)} className="grid" />
            <text x={LEFT - 8} y={y(part * top) + 4} textAnchor="end" className="tick">{part === 0 ? '0' : ms(part * top)}</text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 4} className="tick">{moment(latency.since, 'time')}</text>
        <text x={wide - 8} y={HEIGHT - 4} textAnchor="end" className="tick">{moment(latency.until, 'time')}</text>
        {points.length === 0 && <text x={(wide + LEFT) / 2} y={HEIGHT / 2} textAnchor="middle" className="tick">{t('health.noChanges')}</text>}
        <path d={line('p95')} className="line p95" />
        <path d={line('p50')} className="line p50" />
        {points.map((point, index) => (
          <g key={point.at} onMouseEnter={() => setShown(index)}>
            <rect x={x(point.at) - 6} y={TOP} width={12} height={HEIGHT - TOP - BOTTOM} fill="transparent" />
            <circle cx={x(point.at)} cy={y(point.p95)} r={shown === index ? 4 : 2.4} className="point p95" />
            <circle cx={x(point.at)} cy={y(point.p50)} r={shown === index ? 4 : 2.4} className="point p50" />
          </g>
        ))}
      </svg>
    </Box>
  )
}

/** A round number above. */
function niceTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * unit).find((candidate) => candidate >= value) ?? value
}
