import type { ErrorCode } from '@millrace/contracts';
import type { Resources } from '../dependencies';
import type { Endpoint, JsonBody, UploadBody } from './endpoint';

/** Errors that any request can get: for a malformed address or header, and for an internal fault. */
const anyRequest: ErrorCode[] = ['REQUEST_INVALID', 'HEADERS_TOO_LARGE', 'REQUEST_TOO_SLOW', 'INTERNAL'];

const errorsOfBody: Record<(JsonBody | UploadBody)['kind'], ErrorCode[]> = {
  json: ['JSON_MALFORMED', 'PAYLOAD_TOO_LARGE'],
  upload: [
    'UPLOAD_NO_FILE',
    'UPLOAD_EMPTY',
    'UPLOAD_MALFORMED',
    'UPLOAD_INTERRUPTED',
    'UPLOAD_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
  ],
};

const databaseErrors: ErrorCode[] = [
  'DATABASE_UNAVAILABLE',
  'DATABASE_BUSY',
  'DATABASE_TIMEOUT',
  'DATABASE_TLS_FAILED',
];

/** The errors that the use of a resource can end with. Resources that are not named here throw none. */
const errorsOfResource: Partial<Record<keyof Resources, ErrorCode[]>> = {
  database: databaseErrors,
  unlocker: [
    'PDF_PASSWORD_WRONG',
    'PDF_ENCRYPTION_UNSUPPORTED',
    'DOCUMENT_UNREADABLE',
    'UNLOCK_TIMEOUT',
    'UNLOCK_BUSY',
    'UNLOCK_LOST',
    'UPLOAD_INTERRUPTED',
    'STORAGE_UNAVAILABLE',
  ],
  search: [
    ...databaseErrors,
    'EMBEDDING_RATE_LIMITED',
    'EMBEDDING_TIMEOUT',
    'EMBEDDING_UNAVAILABLE',
    'EMBEDDING_INVALID_RESPONSE',
    'EMBEDDING_REJECTED',
    'EMBEDDING_DIMENSION_MISMATCH',
    'SETUP_INVALID',
  ],
};

/** The errors of finding out who makes a request. */
const authenticationErrors: ErrorCode[] = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'IDENTITY_PROVIDER_UNAVAILABLE',
  'FORBIDDEN',
  ...databaseErrors,
];

/** All error codes that a call of the endpoint can end with, each once. */
export function errorsOf({ method, access, body, errors, rateClass, uses }: Endpoint): ErrorCode[] {
  return [
    ...new Set([
      ...errors,
      ...(body ? errorsOfBody[body.kind] : []),
      ...(access === 'public' ? [] : authenticationErrors),
      ...(access === 'public' && rateClass === 'unlimited' ? [] : (['TOO_MANY_REQUESTS'] as const)),
      ...(access === 'public' || method === 'GET' ? [] : (['CROSS_SITE'] as const)),
      ...uses.flatMap((resource) => errorsOfResource[resource] ?? []),
      ...anyRequest,
    ]),
  ];
}
