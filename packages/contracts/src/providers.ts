/** Where OpenAI itself is: what stands for an address that is left out. */
export const openaiAddress = 'https://api.openai.com/v1';
