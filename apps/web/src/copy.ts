/** Copying to the clipboard, which has no interface on pages of plain http. */
import { toast } from './toast.ts';

/** @returns whether the text is in the clipboard */
async function copyText(text: string): Promise<boolean> {
  if (isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A browser may refuse; the way below may still work.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden';
  // A modal dialog makes everything outside of it inert, and only what can be focused can be copied.
  const parent = document.querySelector('dialog[open]') ?? document.body;
  const focused = document.activeElement;
  parent.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}

/** Copies, and says so. @param name of the thing, as in `Text copied.` */
export async function copy(text: string, name: string): Promise<void> {
  toast((await copyText(text)) ? `${name} copied.` : 'This browser does not allow copying. Select the text instead.');
}
