import { type ErrorEntry, permanent, retryable } from './entry';

/**
 * What is wrong with a document or one of its pages. Codes that begin with PDF, UNLOCK or ATTACHMENT are about PDFs alone, those that
 * begin with TEXT about texts alone. The others hold for any document.
 */
export const documentErrors = {
  // PDFs
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
    'Save it without encryption in the program that opens it, and upload that file.',
  ),
  PDF_PASSWORD_WRONG: permanent(
    422,
    'The password does not open the PDF',
    'Upload the file again with the right password. Nothing of this upload was kept.',
  ),
  UNLOCK_TIMEOUT: permanent(
    422,
    'Removing the password of the PDF took too long',
    'Remove the password with the program that opens the PDF, and upload that file. Nothing of this upload was kept.',
  ),
  UNLOCK_BUSY: retryable(
    503,
    'Too many encrypted PDFs arrive at the same time',
    'Send the file again after the time in Retry-After. Nothing of this upload was kept.',
  ),
  UNLOCK_LOST: retryable(
    503,
    'The process that removed the password of the PDF was killed',
    'Send the file again. Nothing of this upload was kept. If it happens again, give the API more memory.',
  ),
  PDF_PAGES_LOST: permanent(
    422,
    'Pages of the PDF may be missing',
    'The pages that were found in the broken file are searchable. Upload the whole file if it had more.',
  ),
  PDF_REPAIR_TIMEOUT: retryable(
    422,
    'Repairing the broken PDF took too long',
    'Retry the job when there is less to do, or with a higher PDF_REPAIR_TIMEOUT_MS. Or re-export the file and upload it again.',
  ),

  PDF_XFA_FORM: permanent(
    422,
    'The PDF is a form that its own program draws (XFA)',
    'Its pages only say so. Print the form to a PDF in that program, and upload that file.',
  ),
  ATTACHMENT_UNREADABLE: permanent(
    422,
    'A file in the PDF is broken and cannot be read',
    'The label of the page names it. Save it by itself, repair it and upload it.',
  ),
  ATTACHMENT_ENCRYPTED: permanent(
    422,
    'A file in the PDF is encrypted or protected by rights management',
    'The label of the page names it. Save it without protection in the program that opens it, and upload that file.',
  ),
  ATTACHMENT_UNSUPPORTED: permanent(
    422,
    'The PDF is a portfolio, and a file in it is of a type that is not read',
    'The label of the page names it. Convert it to a PDF or a text and upload that.',
  ),
  ATTACHMENT_LIMIT: permanent(
    422,
    'The PDF holds more or larger files than are read',
    'The label of the page names what was not read. Save those files by themselves and upload them.',
  ),

  // Texts
  TEXT_UNREADABLE: permanent(
    422,
    'The file cannot be read as text',
    'Save it as UTF-8, in a simpler form if it is HTML, and upload it again.',
  ),

  // Any document
  DOCUMENT_NO_TEXT: permanent(
    422,
    'The document holds no text',
    'The pages are blank, or images in which no text was found (or OCR is off). Upload a version with text.',
  ),
  DOCUMENT_TOO_LARGE: permanent(422, 'The document holds too much text', 'Split the file and upload its parts.'),
  DOCUMENT_TOO_MANY_PAGES: permanent(
    422,
    'The document has too many pages',
    'Split the file. Or raise DOCUMENT_MAX_PAGES, delete the document and upload it again.',
  ),
  DOCUMENT_TIMEOUT: permanent(
    422,
    'Reading the document took too long',
    'Split or simplify the file. Or raise DOCUMENT_TIMEOUT_MS (PAGE_TIMEOUT_MS for a page of a text), delete the document and upload it again.',
  ),
  DOCUMENT_OPEN_TIMEOUT: permanent(
    422,
    'Opening the document took too long',
    'Re-export the file. Or raise DOCUMENT_OPEN_TIMEOUT_MS, delete the document and upload it again.',
  ),
  DOCUMENT_UNREADABLE: permanent(
    422,
    'Reading the document ended the process that read it',
    'The file crashes its reader or needs too much memory. Re-export it and upload it again. Where its pages are named, its job may also be retried.',
  ),

  // Pages of any document
  PAGE_FAILED: permanent(
    422,
    'A page cannot be read',
    'The other pages are searchable. Repair the page and upload the file again.',
  ),
  PAGE_TIMEOUT: permanent(
    422,
    'Reading a page took too long',
    'The other pages are searchable. Raise PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  PAGE_TOO_LARGE: permanent(
    422,
    'A page takes too much memory',
    'The other pages are searchable. Raise READER_MAX_MEMORY_BYTES and retry the failed pages.',
  ),
  PAGE_CRASHED: permanent(
    422,
    'A page crashes its reader',
    'The other pages are searchable. Re-export the file and upload it again.',
  ),
  PAGE_CUT_OFF: permanent(
    422,
    'The file was cut off, and nothing is left of a page',
    'The page may also be blank. Upload the whole file.',
  ),
  OCR_FAILED: permanent(
    422,
    'The text in the image of a page cannot be recognized',
    'The other pages are searchable. Retry the failed pages.',
  ),
  OCR_TIMEOUT: permanent(
    422,
    'Recognizing the text of a page took too long',
    'The other pages are searchable. Raise OCR_PAGE_TIMEOUT_MS and retry the failed pages.',
  ),
  OCR_LIMIT: permanent(
    422,
    'The document has more pages for OCR than the limit allows',
    'The pages before it are searchable. Raise OCR_MAX_PAGES, or DOCUMENT_TIMEOUT_MS where time ran out, and retry the failed pages.',
  ),
} as const satisfies Record<string, ErrorEntry>;
