import { associatedFiles } from './associatedFiles';
import { hiddenLayers } from './hiddenLayers';
import type { Bytes } from './objectTable';
import { Structure } from './structure';
import { updateOf } from './update';

/** What a file's catalog says and the engine does not tell. */
export interface CatalogFacts {
  /** True when viewers draw the values of form fields themselves. */
  needsAppearances: boolean;
  /** True when the pages are only the cover of the attachments. */
  isPortfolio: boolean;
  /** True when the update hides layers that are switched off. */
  hidesLayers: boolean;
  /** What the engine must read after the file, so that it hides layers and lists all files; null when there is nothing. */
  update: Buffer | null;
}

/** Reads the facts of a file. Where its structure cannot be read, it is an ordinary one. */
export function readCatalog(file: Bytes): CatalogFacts {
  const structure = Structure.open(file);
  const catalog = structure?.catalog;
  if (structure === null || !catalog) {
    return { needsAppearances: false, isPortfolio: false, hidesLayers: false, update: null };
  }
  const layers = hiddenLayers(structure);
  const objects = new Map([...layers, ...associatedFiles(structure)]);
  return {
    needsAppearances: structure.resolve(structure.dictionary(catalog.get('AcroForm'))?.get('NeedAppearances')) === true,
    isPortfolio: structure.dictionary(catalog.get('Collection')) !== null,
    hidesLayers: layers.size > 0,
    update: objects.size === 0 ? null : updateOf(structure, objects, file.size),
  };
}
