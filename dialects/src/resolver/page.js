// Shows the document. Whoever signs in on the page is signed in for every call that follows; nothing of it is kept.
const page = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  docExpansion: "none",
  validatorUrl: null,
  responseInterceptor: (response) => {
    if (response.ok && response.url.endsWith("/user/authenticate")) {
      page.preauthorizeApiKey("session", JSON.parse(response.text).token);
    }
    return response;
  },
});
