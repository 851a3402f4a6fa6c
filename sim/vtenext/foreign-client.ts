import { createHash } from 'node:crypto'

export interface Reply {
  readonly status: number
  readonly text: string
  // A test reads whatever the server sent.
  readonly body: any
}

/** A client of the web service that knows nothing but HTTP: what curl would do. */
export class ForeignClient {
  readonly url: string
  sessionName: string | undefined

  constructor(url: string) {
    this.url = url
  }

  async send(verb: 'GET' | 'POST', parameters: Record<string, string>): Promise<Reply> {
    const form = new URLSearchParams(parameters).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const response =
      verb === 'GET'
        ? await fetch(`${this.url}?${form}`)
        : await fetch(this.url, { method: 'POST', body: form, headers })
    const text = await response.text()
    return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null }
  }

  /** As `send`, with the session. */
  call(verb: 'GET' | 'POST', operation: string, parameters: Record<string, string> = {}): Promise<Reply> {
    const session: Record<string, string> = this.sessionName === undefined ? {} : { sessionName: this.sessionName }
    return this.send(verb, { operation, ...session, ...parameters })
  }

  async login(username: string, accessKey: string): Promise<Reply> {
    const challenge = await this.send('GET', { operation: 'getchallenge', username })
    const key = createHash('md5')
      .update(challenge.body.result.token + accessKey)
      .digest('hex')
    const reply = await this.send('POST', { operation: 'login', username, accessKey: key })
    this.sessionName = reply.body.result?.sessionName
    return reply
  }

  async result(verb: 'GET' | 'POST', operation: string, parameters: Record<string, string> = {}): Promise<any> {
    const reply = await this.call(verb, operation, parameters)
    if (!reply.body?.success) throw new Error(`${operation} was refused: HTTP ${reply.status} ${reply.text}`)
    return reply.body.result
  }

  /** The error code and message of a refused call. */
  async error(verb: 'GET' | 'POST', operation: string, parameters: Record<string, string> = {}): Promise<any> {
    const reply = await this.call(verb, operation, parameters)
    if (reply.body?.success !== false) throw new Error(`${operation} was expected to be refused: ${reply.text}`)
    return reply.body.error
  }

  create(elementType: string, element: object): Promise<any> {
    return this.result('POST', 'create', { elementType, element: JSON.stringify(element) })
  }

  revise(element: object): Promise<any> {
    return this.result('POST', 'revise', { element: JSON.stringify(element) })
  }

  update(element: object): Promise<any> {
    return this.result('POST', 'update', { element: JSON.stringify(element) })
  }

  retrieve(id: string): Promise<any> {
    return this.result('GET', 'retrieve', { id })
  }

  query(query: string): Promise<any> {
    return this.result('GET', 'query', { query })
  }

  changes(parameters: Record<string, string>): Promise<any> {
    return this.result('GET', 'vtesync.get_changes', parameters)
  }
}

interface Directory {
  readonly url: string
  readonly users: readonly { username: string; accessKey: string }[]
}

/** A client with a session of that user. */
export async function clientOf(server: Directory, username: string): Promise<ForeignClient> {
  const client = new ForeignClient(server.url)
  const user = server.users.find((candidate) => candidate.username === username)
  await client.login(username, user?.accessKey ?? '')
  return client
}

/** An event of one hour with every mandatory field. */
export const meeting = (fields: object = {}): Record<string, unknown> => ({
  subject: 'Kick-off',
  activitytype: 'Meeting',
  eventstatus: 'Planned',
  date_start: '2026-12-01',
  time_start: '10:00',
  due_date: '2026-12-01',
  time_end: '11:00',
  duration_hours: '1',
  assigned_user_id: '19x4',
  ...fields,
})

/** A task with every mandatory field. */
export const task = (fields: object = {}): Record<string, unknown> => ({
  subject: 'Call back',
  activitytype: 'Task',
  taskstatus: 'Not Started',
  date_start: '2026-12-02',
  due_date: '2026-12-05',
  assigned_user_id: '19x4',
  ...fields,
})
