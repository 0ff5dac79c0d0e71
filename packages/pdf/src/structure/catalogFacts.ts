import { hiddenLayersUpdate } from './hiddenLayers';
import type { Bytes } from './objectTable';
import { Structure } from './structure';

/** What a file's catalog says and the engine does not tell. */
export interface CatalogFacts {
  /** True when viewers draw the values of form fields themselves. */
  needsAppearances: boolean;
  /** True when the pages are only the cover of the attachments. */
  isPortfolio: boolean;
  /** The update that hides the layers that are switched off; null when there are none. */
  hiddenLayers: Buffer | null;
}

/** Reads the facts of a file. Where its structure cannot be read, it is an ordinary one. */
export function readCatalog(file: Bytes): CatalogFacts {
  const structure = Structure.open(file);
  const catalog = structure?.catalog;
  if (structure === null || !catalog) {
    return { needsAppearances: false, isPortfolio: false, hiddenLayers: null };
  }
  return {
    needsAppearances: structure.resolve(structure.dictionary(catalog.get('AcroForm'))?.get('NeedAppearances')) === true,
    isPortfolio: structure.dictionary(catalog.get('Collection')) !== null,
    hiddenLayers: hiddenLayersUpdate(structure, file.size),
  };
}
