import { defineConfig } from 'vite';

// The page asks /api of its own host: no CORS. Another address of the service: API=http://host:port npm run dev
const api = process.env.API ?? 'http://localhost:5080';

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  server: { proxy: { '/api': api } },
});
