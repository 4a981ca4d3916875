// How the viewer is set up: it asks this service and no other, and sends nothing about its readers.
Scalar.createApiReference('#viewer', {
  url: '/openapi.json',
  authentication: { preferredSecurityScheme: 'key' },
  persistAuth: false,
  documentDownloadType: 'direct',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
});
