import { type ErrorEntry, permanent, retryable } from './entry';

/** What is wrong with a document, one of its pages or its text. */
export const documentErrors = {
  PDF_CORRUPT: permanent(
    422,
    'The PDF is broken and cannot be read',
    'Repair or re-export the file and upload it again.',
  ),
  PDF_ENCRYPTED: permanent(
    422,
    'The PDF is encrypted and asks for a password',
    'Upload it again with its password: in the form field "password", or in the header X-Document-Password.',
  ),
  PDF_ENCRYPTION_UNSUPPORTED: permanent(
    422,
    'The PDF is encrypted in a way that is not supported',
    'Save it without encryption with the program it is opened with, and upload that file.',
  ),
  PDF_PASSWORD_WRONG: permanent(
    422,
    'The password does not open the PDF',
    'Upload the file again with the right password; nothing of this upload was kept.',
  ),
  UNLOCK_TIMEOUT: permanent(
    422,
    'Taking the password off the PDF took too long',
    'Take it off with the program the PDF is opened with, and upload that file; nothing of this upload was kept.',
  ),
  UNLOCK_BUSY: retryable(
    503,
    'Too many encrypted PDFs come at once',
    'Send the file again after the time in Retry-After; nothing of this upload was kept.',
  ),
  UNLOCK_LOST: retryable(
    503,
    'The process that took the password off the PDF was killed',
    'Send the file again, nothing of this upload was kept; if it stays, give the API more memory.',
  ),
  PDF_PAGES_LOST: permanent(
    422,
    'Pages of the PDF may be missing',
    'The pages that were found in the broken file are searchable; upload it again whole if it had more.',
  ),
  PDF_NO_TEXT: permanent(
    422,
    'The document holds no text',
    'The pages are blank, or images in which no text was found (or OCR is off); upload a version with a text layer.',
  ),
  PDF_TOO_MANY_PAGES: permanent(
    422,
    'The document has too many pages',
    'Split the file; or raise PDF_MAX_PAGES, delete the document and upload it again.',
  ),
  PDF_TIMEOUT: permanent(
    422,
    'Reading the PDF took too long',
    'Split or simplify the file; or raise PDF_TIMEOUT_MS (for a page of a text PDF_PAGE_TIMEOUT_MS), delete the document and upload it again.',
  ),
  PDF_OPEN_TIMEOUT: permanent(
    422,
    'Opening the file took too long',
    'Re-export the file; or raise PDF_OPEN_TIMEOUT_MS, delete the document and upload it again.',
  ),
  PDF_REPAIR_TIMEOUT: retryable(
    422,
    'Repairing the broken PDF took too long',
    'Retry the job when there is less to do, or with a higher PDF_REPAIR_TIMEOUT_MS; or re-export the file and upload it again.',
  ),
  PDF_UNREADABLE: permanent(
    422,
    'Reading the PDF ended the reading process',
    'The file crashes the PDF engine or needs too much memory; re-export it and upload it again. Where its pages are named, its job may also be retried.',
  ),
  PAGE_FAILED: permanent(
    422,
    'A page of the PDF cannot be read',
    'The other pages of the document are searchable; repair the page and upload again.',
  ),
  PAGE_TIMEOUT: permanent(
    422,
    'Reading a page of the PDF took too long',
    'The other pages are searchable; raise PDF_PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  PAGE_TOO_LARGE: permanent(
    422,
    'A page of the PDF takes too much memory',
    'The other pages are searchable; raise PDF_MAX_MEMORY_BYTES and retry the failed pages.',
  ),
  PAGE_CRASHED: permanent(
    422,
    'A page of the PDF crashes the PDF engine',
    'The other pages are searchable; re-export the file and upload it again.',
  ),
  PAGE_CUT_OFF: permanent(
    422,
    'The PDF was cut off, and nothing is left of a page',
    'The page may also be blank. Upload the whole file.',
  ),
  OCR_FAILED: permanent(
    422,
    'The text in the image of a page cannot be recognized',
    'The other pages are searchable; retry the failed pages.',
  ),
  OCR_TIMEOUT: permanent(
    422,
    'Recognizing the text of a page took too long',
    'The other pages are searchable; raise OCR_PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  OCR_LIMIT: permanent(
    422,
    'The document has more for OCR than is taken',
    'The pages before it are searchable; raise OCR_MAX_PAGES, or PDF_TIMEOUT_MS where time ran out, and retry the failed pages.',
  ),

  TEXT_UNREADABLE: permanent(
    422,
    'The file cannot be read as text',
    'Save it as UTF-8, in a simpler form if it is HTML, and upload it again.',
  ),
  TEXT_TOO_LARGE: permanent(422, 'The document holds too much text', 'Split the file and upload its parts.'),
} as const satisfies Record<string, ErrorEntry>;
