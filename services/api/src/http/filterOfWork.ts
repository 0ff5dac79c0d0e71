import { dateOf } from './dateOf';

interface WorkQuery {
  error_code?: string[] | undefined;
  filename?: string | undefined;
  created_after?: string | undefined;
  created_before?: string | undefined;
}

/** Returns the filters that the lists of documents and of jobs share, as the repositories take them. */
export function filterOfWork({ error_code, filename, created_after, created_before }: WorkQuery) {
  return {
    errorCodes: error_code,
    filename,
    createdAfter: dateOf(created_after),
    createdBefore: dateOf(created_before),
  };
}
