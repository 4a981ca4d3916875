# Verifies the webhook whose body is on standard input and whose headers are in the environment.

require_relative "verify"

names = %w[webhook-id webhook-timestamp webhook-signature]
headers = names.to_h { |name| [name, ENV[name.upcase.tr("-", "_")]] }.compact
begin
  verify($stdin.binmode.read, headers, ENV.fetch("WEBHOOK_SECRET"))
  puts "verified"
rescue ArgumentError, KeyError => error
  puts "refused: #{error.message}"
  exit 1
end
