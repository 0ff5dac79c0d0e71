import { hiddenMark } from '../structure/hiddenLayers';
import type { Pdfium } from './pdfium';

/** FPDF_PAGEOBJ_FORM of fpdf_edit.h. */
const formType = 5;
const maxDepth = 16;
/** Hostile files draw forms within forms without end. Objects beyond this many are not looked at. */
const maxObjects = 200_000;

/** Keeps what is drawn on hidden layers out of an open page. The file must be read with its update. */
export function hideLayers(pdfium: Pdfium, page: number): void {
  const { fpdf } = pdfium;
  const key = Buffer.from(`${hiddenMark}\0`, 'latin1');
  const name = fpdf.malloc(key.length);
  pdfium.memory.u8.set(key, name);
  let left = maxObjects;
  const isHidden = (object: number): boolean => {
    const marks = fpdf.FPDFPageObj_CountMarks(object);
    for (let index = 0; index < marks; index++) {
      const mark = fpdf.FPDFPageObj_GetMark(object, index);
      if (fpdf.FPDFPageObjMark_GetParamIntValue(mark, name, pdfium.scratch) !== 0) {
        return true;
      }
    }
    return false;
  };
  const hideIn = (objects: Iterable<number>, depth: number): void => {
    for (const object of objects) {
      if (left-- <= 0) {
        return;
      }
      if (isHidden(object)) {
        fpdf.FPDFPageObj_SetIsActive(object, 0);
      } else if (depth < maxDepth && fpdf.FPDFPageObj_GetType(object) === formType) {
        hideIn(objectsOfForm(pdfium, object), depth + 1);
      }
    }
  };
  try {
    hideIn(objectsOfPage(pdfium, page), 0);
  } finally {
    fpdf.free(name);
  }
}

function* objectsOfPage({ fpdf }: Pdfium, page: number): Generator<number> {
  const count = fpdf.FPDFPage_CountObjects(page);
  for (let index = 0; index < count; index++) {
    yield fpdf.FPDFPage_GetObject(page, index);
  }
}

function* objectsOfForm({ fpdf }: Pdfium, form: number): Generator<number> {
  const count = fpdf.FPDFFormObj_CountObjects(form);
  for (let index = 0; index < count; index++) {
    yield fpdf.FPDFFormObj_GetObject(form, index);
  }
}
