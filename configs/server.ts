// The program that the examples name. It is the same at every tier; put your own in its place.
export default {
  fetch(request: Request): Response {
    return new Response(`hello from ${new URL(request.url).pathname}\n`);
  },
};
