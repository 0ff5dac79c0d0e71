import { runService } from '@millrace/runtime';
import { startReconciler } from './reconciler';

runService('reconciler', startReconciler);
