import type { Pdfium } from '../pdfium';

/** The kinds of form fields of fpdf_formfill.h. */
export const fieldKind = { checkBox: 2, radioButton: 3, comboBox: 4, listBox: 5, text: 6 } as const;

/** Flags of a field (ISO 32000-2, tables 228 and 233). */
const isMultiline = 1 << 12;
const isPassword = 1 << 13;
/** A list has at most this many options that are looked at. */
const maxOptions = 10_000;
const maxValueBytes = 1024 * 1024;

/** Reads the values of the form fields of an open document. `close` must be called before the document is closed. */
export class FormValues {
  private readonly info: number;
  private readonly form: number;

  constructor(
    private readonly pdfium: Pdfium,
    document: number,
  ) {
    this.info = pdfium.fpdf.PDFiumExt_OpenFormFillInfo();
    this.form = pdfium.fpdf.PDFiumExt_InitFormFillEnvironment(document, this.info);
  }

  /** The kind of the field that an annotation shows; below 1 when it is none. */
  kind(annotation: number): number {
    return this.pdfium.fpdf.FPDFAnnot_GetFormFieldType(this.form, annotation);
  }

  /** The text that a viewer shows in a field of text or of choices. Empty for a password. */
  shownValue(annotation: number): string {
    switch (this.kind(annotation)) {
      case fieldKind.text:
        return (this.flags(annotation) & isPassword) === 0 ? this.value(annotation) : '';
      case fieldKind.comboBox:
      case fieldKind.listBox:
        return this.chosen(annotation).join('\n') || this.value(annotation);
      default:
        return '';
    }
  }

  isMultiline(annotation: number): boolean {
    const kind = this.kind(annotation);
    return kind === fieldKind.listBox || (kind === fieldKind.text && (this.flags(annotation) & isMultiline) !== 0);
  }

  /** The stored value. It is empty where there is none. */
  value(annotation: number): string {
    const { fpdf } = this.pdfium;
    return this.pdfium.readUtf16(
      (buffer, size) => fpdf.FPDFAnnot_GetFormFieldValue(this.form, annotation, buffer, size),
      maxValueBytes,
    );
  }

  /** How many annotations show the field. */
  controls(annotation: number): number {
    return this.pdfium.fpdf.FPDFAnnot_GetFormControlCount(this.form, annotation);
  }

  /** The size of the field's text in points; 0 where the viewer chooses it. */
  fontSize(annotation: number): number {
    const { fpdf, scratch } = this.pdfium;
    const isKnown = fpdf.FPDFAnnot_GetFontSize(this.form, annotation, scratch) !== 0;
    return isKnown ? (this.pdfium.memory.f32[scratch / 4] as number) : 0;
  }

  close(): void {
    const { fpdf } = this.pdfium;
    fpdf.PDFiumExt_ExitFormFillEnvironment(this.form);
    fpdf.PDFiumExt_CloseFormFillInfo(this.info);
  }

  private flags(annotation: number): number {
    return this.pdfium.fpdf.FPDFAnnot_GetFormFieldFlags(this.form, annotation);
  }

  /** The labels of the options that are selected. */
  private chosen(annotation: number): string[] {
    const { fpdf } = this.pdfium;
    const count = Math.min(maxOptions, fpdf.FPDFAnnot_GetOptionCount(this.form, annotation));
    const labels: string[] = [];
    for (let index = 0; index < count; index++) {
      if (fpdf.FPDFAnnot_IsOptionSelected(this.form, annotation, index) !== 0) {
        labels.push(
          this.pdfium.readUtf16((buffer, size) =>
            fpdf.FPDFAnnot_GetOptionLabel(this.form, annotation, index, buffer, size),
          ),
        );
      }
    }
    return labels;
  }
}
