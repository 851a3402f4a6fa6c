/** An answer `{"success":false,"error":{code,message}}`, sent with HTTP 200. */
export class WebServiceError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** A PHP fatal error: HTTP 500 with an empty body. */
export class PhpFatal extends Error {}

export const denied = (suffix = ''): WebServiceError =>
  new WebServiceError('ACCESS_DENIED', `Permission to perform the operation is denied${suffix}`)

/** No right on a record that exists; reading, changing and deleting share this text. */
export const forbidden = (): WebServiceError =>
  new WebServiceError('ACCESS_DENIED', 'Permission to read given object is denied')

export const internalError = (): WebServiceError =>
  new WebServiceError('INTERNAL_SERVER_ERROR', 'Unknown Error while processing request')

export const brokenOwner = (): WebServiceError =>
  new WebServiceError('INVALID_ID_ATTRIBUTE', 'Invalid owner of the record')

export const wrongId = (): WebServiceError => new WebServiceError('INVALID_ID_ATTRIBUTE', 'Id specified is incorrect')
