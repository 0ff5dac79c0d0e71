import type { Pdfium } from '../pdfium';
import { FormValues, fieldKind } from './formValues';
import { stampText } from './stampText';

/** The kinds of annotations whose appearance may hold text of the page (fpdf_annot.h). */
const subtype = { freeText: 3, line: 4, polygon: 7, polyline: 8, stamp: 13, widget: 20, watermark: 24, redact: 28 };
/** FPDF_ANNOT_FILEATTACHMENT. */
const fileAttachment = 17;
const withText: ReadonlySet<number> = new Set(Object.values(subtype));
/** Flags of annotations: Hidden and NoView. */
const isHidden = 1 << 1;
const isNotViewed = 1 << 5;
/** FPDF_ANNOT_APPEARANCEMODE_NORMAL of fpdf_annot.h. */
const normalAppearance = 0;
/** FPDF_PAGEOBJ_PATH and FPDF_PAGEOBJ_IMAGE of fpdf_edit.h: the objects that surely hold no text. */
const withoutText: ReadonlySet<number> = new Set([2, 3]);

/** Text that a viewer shows although no appearance of it is in the file. */
export interface ShownText {
  text: string;
  /** The annotation's place in the page's own coordinates. */
  left: number;
  bottom: number;
  right: number;
  top: number;
  /** Points; 0 where the viewer chooses it. */
  fontSize: number;
  isMultiline: boolean;
}

/** What a page's annotations show. */
export interface ShownAnnotations {
  texts: ShownText[];
  /** True when there are appearances that may hold text. */
  hasAppearances: boolean;
  /** The positions of the page's annotations that hold files. */
  files: number[];
  /** True when the page has a form field, even a hidden one. */
  hasField: boolean;
}

/** Finds what the annotations of a page show to a reader. It hides those whose appearance is not shown. */
export class AnnotationReader {
  private values: FormValues | null = null;

  /** @param needsAppearances True when the file asks viewers to draw the values of its fields themselves. */
  constructor(
    private readonly pdfium: Pdfium,
    private readonly document: number,
    private readonly needsAppearances: boolean,
  ) {}

  read(page: number): ShownAnnotations {
    const { fpdf } = this.pdfium;
    const found: ShownAnnotations = { texts: [], hasAppearances: false, files: [], hasField: false };
    const count = fpdf.FPDFPage_GetAnnotCount(page);
    for (let index = 0; index < count; index++) {
      const annotation = fpdf.FPDFPage_GetAnnot(page, index);
      if (annotation === 0) {
        continue;
      }
      try {
        const kind = fpdf.FPDFAnnot_GetSubtype(annotation);
        found.hasField ||= kind === subtype.widget;
        if (kind === fileAttachment) {
          found.files.push(index);
        } else {
          this.add(annotation, kind, found);
        }
      } finally {
        fpdf.FPDFPage_CloseAnnot(annotation);
      }
    }
    return found;
  }

  /** Call it before the document is closed. */
  close(): void {
    this.values?.close();
    this.values = null;
  }

  private add(annotation: number, kind: number, found: ShownAnnotations): void {
    const { fpdf } = this.pdfium;
    const flags = fpdf.FPDFAnnot_GetFlags(annotation);
    if (!withText.has(kind) || (flags & isHidden) !== 0) {
      return;
    }
    const isShown = (flags & isNotViewed) === 0;
    const text = isShown ? this.missingText(annotation, kind) : null;
    if (text !== null) {
      found.texts.push(text);
    }
    if (!isShown || text !== null || this.isOff(annotation, kind)) {
      fpdf.FPDFAnnot_SetFlags(annotation, flags | isHidden);
    } else {
      found.hasAppearances = true;
    }
  }

  /** The text that a viewer draws itself; null when the annotation has an appearance to be shown, or no text. */
  private missingText(annotation: number, kind: number): ShownText | null {
    if (kind === subtype.widget) {
      return this.fieldText(annotation);
    }
    if ((kind !== subtype.freeText && kind !== subtype.stamp) || this.hasAppearance(annotation)) {
      return null;
    }
    const text =
      kind === subtype.freeText ? this.entry(annotation, 'Contents') : stampText(this.entry(annotation, 'Name'));
    return this.placed(annotation, { text, fontSize: 0, isMultiline: kind === subtype.freeText });
  }

  private fieldText(annotation: number): ShownText | null {
    const values = this.formValues();
    const kind = values.kind(annotation);
    if (kind === fieldKind.checkBox || kind === fieldKind.radioButton) {
      return this.hasAppearance(annotation) ? null : this.buttonText(annotation, kind);
    }
    const text = kind > 0 ? values.shownValue(annotation) : this.looseValue(annotation);
    if (text.trim() === '' || (!this.needsAppearances && this.showsText(annotation))) {
      return null;
    }
    return this.placed(annotation, {
      text,
      fontSize: values.fontSize(annotation),
      isMultiline: values.isMultiline(annotation),
    });
  }

  /** The value of a field that the file's form does not list. Viewers show it all the same. */
  private looseValue(annotation: number): string {
    return ['Tx', 'Ch'].includes(this.entry(annotation, 'FT')) ? this.entry(annotation, 'V') : '';
  }

  /** The mark of a checked box or button. */
  private buttonText(annotation: number, kind: number): ShownText | null {
    const values = this.formValues();
    const own = this.entry(annotation, 'AS');
    const state = own !== '' || values.controls(annotation) > 1 ? own : values.value(annotation);
    if (state === '' || state === 'Off') {
      return null;
    }
    const text = kind === fieldKind.checkBox ? '✔' : '●';
    return this.placed(annotation, { text, fontSize: 0, isMultiline: false });
  }

  /** True for a box that is not checked, although its file does not say which of its appearances to show. */
  private isOff(annotation: number, kind: number): boolean {
    if (kind !== subtype.widget) {
      return false;
    }
    const field = this.formValues().kind(annotation);
    return (field === fieldKind.checkBox || field === fieldKind.radioButton) && this.entry(annotation, 'AS') === '';
  }

  private placed(
    annotation: number,
    { text, ...rest }: Pick<ShownText, 'text' | 'fontSize' | 'isMultiline'>,
  ): ShownText | null {
    const { fpdf, scratch } = this.pdfium;
    if (text.trim() === '' || fpdf.FPDFAnnot_GetRect(annotation, scratch) === 0) {
      return null;
    }
    // FS_RECTF has the order left, top, right, bottom.
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = this.pdfium.memory.f32.subarray(scratch / 4, scratch / 4 + 4);
    const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
    const [bottom, top] = [Math.min(y0, y1), Math.max(y0, y1)];
    return right > left && top > bottom ? { text, left, bottom, right, top, ...rest } : null;
  }

  private hasAppearance(annotation: number): boolean {
    return this.pdfium.fpdf.EPDFAnnot_HasAppearanceStream(annotation, normalAppearance) !== 0;
  }

  /** True when the annotation's appearance may hold text. Programs that fill forms may leave an empty one behind. */
  private showsText(annotation: number): boolean {
    const { fpdf } = this.pdfium;
    if (!this.hasAppearance(annotation)) {
      return false;
    }
    const count = fpdf.FPDFAnnot_GetObjectCount(annotation);
    for (let index = 0; index < count; index++) {
      if (!withoutText.has(fpdf.FPDFPageObj_GetType(fpdf.FPDFAnnot_GetObject(annotation, index)))) {
        return true;
      }
    }
    return false;
  }

  private entry(annotation: number, key: string): string {
    const { fpdf } = this.pdfium;
    const bytes = Buffer.from(`${key}\0`, 'latin1');
    const name = fpdf.malloc(bytes.length);
    try {
      this.pdfium.memory.u8.set(bytes, name);
      return this.pdfium.readUtf16((buffer, size) => fpdf.FPDFAnnot_GetStringValue(annotation, name, buffer, size));
    } finally {
      fpdf.free(name);
    }
  }

  /** The form is prepared with the first field, because most documents have none. */
  private formValues(): FormValues {
    this.values ??= new FormValues(this.pdfium, this.document);
    return this.values;
  }
}
