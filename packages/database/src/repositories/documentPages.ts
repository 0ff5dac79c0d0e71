import { type PageOutcome, standsForFile, type TextLayer } from '@millrace/contracts';
import { encodeCopy } from '../connection/binaryCopy';
import type { Sql } from '../connection/sql';

export interface DocumentPageRow {
  page: number;
  /** In points (1/72 inch), as the page is shown. */
  width: number;
  height: number;
  outcome: PageOutcome;
  characters: number;
  errorCode: string | null;
  /** The document's own label for the page, or null. */
  label: string | null;
  /** What was wrong with the page's text layer, or null. */
  textLayer: TextLayer | null;
}

export type NewDocumentPage = Omit<DocumentPageRow, 'label' | 'textLayer'> &
  Partial<Pick<DocumentPageRow, 'label' | 'textLayer'>>;

/** How many pages of a document could not be read, and the error code that most of them share. */
export interface PageFailures {
  count: number;
  code: string | null;
}

const columns = 'page, label, width, height, outcome, characters, error_code AS "errorCode", text_layer AS "textLayer"';

export class DocumentPages {
  constructor(private readonly sql: Sql) {}

  /** Replaces the outcomes of all the document's pages. Runs in a transaction. */
  async replaceAll(documentId: string, pages: readonly NewDocumentPage[]): Promise<void> {
    await this.sql.none('DELETE FROM document_pages WHERE document_id = $1', [documentId]);
    await this.sql.copyIn(
      'COPY document_pages (document_id, page, width, height, outcome, characters, error_code, label, text_layer) FROM STDIN (FORMAT binary)',
      encodeCopy(
        ['uuid', 'int4', 'float4', 'float4', 'text', 'int4', 'text', 'text', 'text'],
        pages.map((p) => [
          documentId,
          p.page,
          p.width,
          p.height,
          p.outcome,
          p.characters,
          p.errorCode,
          p.label ?? null,
          p.textLayer ?? null,
        ]),
      ),
    );
  }

  /** Copies the outcomes of all the document's pages to another document, which has none. */
  async copy(documentId: string, toDocumentId: string): Promise<void> {
    await this.sql.none(
      `INSERT INTO document_pages (document_id, page, width, height, outcome, characters, error_code, label, text_layer)
       SELECT $<toDocumentId>, page, width, height, outcome, characters, error_code, label, text_layer
       FROM document_pages WHERE document_id = $<documentId>`,
      { documentId, toDocumentId },
    );
  }

  /** Replaces the outcomes of the given pages that have failed. The others do not change. */
  async replaceFailed(documentId: string, pages: readonly NewDocumentPage[]): Promise<void> {
    await this.sql.none(
      `UPDATE document_pages p SET width = n.width, height = n.height, outcome = n.outcome, characters = n.characters,
         error_code = n.error_code, label = coalesce(n.label, p.label), text_layer = n.text_layer
       FROM unnest($<page>::integer[], $<width>::real[], $<height>::real[], $<outcome>::text[], $<characters>::integer[],
         $<errorCode>::text[], $<label>::text[], $<textLayer>::text[])
         AS n (page, width, height, outcome, characters, error_code, label, text_layer)
       WHERE p.document_id = $<documentId> AND p.page = n.page AND p.outcome = 'failed'`,
      {
        documentId,
        page: pages.map((page) => page.page),
        width: pages.map((page) => page.width),
        height: pages.map((page) => page.height),
        outcome: pages.map((page) => page.outcome),
        characters: pages.map((page) => page.characters),
        errorCode: pages.map((page) => page.errorCode),
        label: pages.map((page) => page.label ?? null),
        textLayer: pages.map((page) => page.textLayer ?? null),
      },
    );
  }

  /**
   * The numbers of the pages that could not be read, in order: the pages themselves, and those that stand for files within the
   * document (see standsForFile).
   */
  async failedNumbers(documentId: string): Promise<{ pages: number[]; files: number[] }> {
    const rows = await this.sql.many<{ page: number; errorCode: string | null }>(
      `SELECT page, error_code AS "errorCode" FROM document_pages
       WHERE document_id = $1 AND outcome = 'failed' ORDER BY page`,
      [documentId],
    );
    const numbers = (areFiles: boolean) =>
      rows.filter(({ errorCode }) => standsForFile(errorCode) === areFiles).map(({ page }) => page);
    return { pages: numbers(false), files: numbers(true) };
  }

  /** Up to `limit` pages after page number `after`, in order. */
  list(documentId: string, options: { after: number; limit: number }): Promise<DocumentPageRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM document_pages
       WHERE document_id = $<documentId> AND page > $<after> ORDER BY page LIMIT $<limit>`,
      { documentId, ...options },
    );
  }

  /** Up to `limit` of the document's pages that could not be read, in order, and how many there are. */
  async listFailed(
    documentId: string,
    limit: number,
  ): Promise<{ count: number; pages: Pick<DocumentPageRow, 'page' | 'errorCode'>[] }> {
    const rows = await this.sql.many<{ page: number; errorCode: string | null; count: number }>(
      `SELECT page, error_code AS "errorCode", (count(*) OVER ())::integer AS count FROM document_pages
       WHERE document_id = $<documentId> AND outcome = 'failed' ORDER BY page LIMIT $<limit>`,
      { documentId, limit },
    );
    return { count: rows[0]?.count ?? 0, pages: rows.map(({ page, errorCode }) => ({ page, errorCode })) };
  }

  /** The failed pages of each of the documents that has some. */
  async failures(documentIds: readonly string[]): Promise<Map<string, PageFailures>> {
    if (documentIds.length === 0) {
      return new Map();
    }
    const rows = await this.sql.many<PageFailures & { documentId: string }>(
      `SELECT document_id AS "documentId", count(*)::integer AS count,
         mode() WITHIN GROUP (ORDER BY error_code) AS code
       FROM document_pages WHERE document_id = ANY($1::uuid[]) AND outcome = 'failed' GROUP BY document_id`,
      [documentIds],
    );
    return new Map(rows.map(({ documentId, count, code }) => [documentId, { count, code }]));
  }
}
