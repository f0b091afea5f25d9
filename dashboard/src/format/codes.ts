/** `backend_error` → `backend error`. */
export const plain = (code: string): string => code.replaceAll("_", " ");

export const sentence = (code: string): string => {
  const words = plain(code);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
