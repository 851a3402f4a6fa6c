import type { Database } from './database.ts'
import { panelLanes } from './panel-lanes.ts'
import type { PanelLanes } from './panel-lanes.ts'
import { panelMeasures } from './panel-measures.ts'
import type { PanelMeasures } from './panel-measures.ts'
import { panelPeople } from './panel-people.ts'
import type { PanelPeople } from './panel-people.ts'
import { panelViews } from './panel-views.ts'
import type { PanelViews } from './panel-views.ts'

export type { LaneFacts, SkippedItem } from './panel-lanes.ts'
export type { JobRow, LatencyPoint } from './panel-measures.ts'
export type { LogEntry, StoredSession, StoredToken } from './panel-people.ts'
export type { BusyBlock, FailingItem, OpenConflict, OpenHeld, Page, UntoldWrite, Write, WriteQuery } from './panel-views.ts'

/** What the control panel reads and keeps. The engine needs none of it. */
export interface PanelStore {
  readonly people: PanelPeople
  readonly lanes: PanelLanes
  readonly views: PanelViews
  readonly measures: PanelMeasures
}

export const openPanelStore = (db: Database): PanelStore => ({
  people: panelPeople(db), lanes: panelLanes(db), views: panelViews(db), measures: panelMeasures(db),
})
