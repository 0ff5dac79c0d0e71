import { serveTasks } from '@millrace/process-pool';
import { unlockPdf } from './unlock';
import type { UnlockProtocol } from './unlockProtocol';

/** The program of a process that removes the passwords of PDFs. */
serveTasks<UnlockProtocol>((request) => unlockPdf(request));
