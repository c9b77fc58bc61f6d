package cmd

// A siteEntry is what people are told of a key of the site file: in the reference that `config docs` prints, and in their
// editor.
type siteEntry struct {
	about    string   // what it says, and why one would
	standard string   // what counts where it is not given, as it would be written; "" if that is nothing
	must     bool     // it has to be given
	words    []string // the only values
	least    int      // of a number
	names    bool     // its keys are names
	secret   bool     // its value is not shown
}

// siteEntries has an entry for each key, by the way to it: * stands for a name or a place in a list, and where what there
// can be depends on a kind, the kind does.
var siteEntries = map[string]siteEntry{
	"version": {must: true, least: 1, about: "Grows with every change of the rules: of several nodes, the one with the highest version puts its rules in force. Other rules under a version that was used are refused."},
	"title":   {about: "The name of the site, on the page where people sign in."},
	"roles":   {about: "Roles of the site's own, beside user, staff, admin and service. Authenticators may give them, and lists of rights may name them. Others that an authenticator gives are left out."},
	"cors":    {about: "Origins whose pages may use the API with the cookie of whoever is signed in, such as https://ui.example.org. Without them, only the hub's own pages may."},
	"proxies": {about: "Addresses or networks of the proxies in front. What they say of whom they had a request from (X-Forwarded-For) is believed. Without them all clients of a proxy count as one address, in what is listed and in what is limited."},

	"limits":                     {about: "What one client may take. Each answer that refuses for one of these names it. Higher ones cost memory and time that one client can take from the others."},
	"limits.message":             {standard: "65536", least: 1024, about: "Bytes of one message of a client."},
	"limits.unanswered":          {standard: "32", least: 1, about: "Changes of one client that have no answer yet."},
	"limits.joined":              {standard: "128", least: 1, about: "Channels that one connection has joined."},
	"limits.per_session":         {standard: "10", least: 1, about: "Connections of one login session on a node, which are its open pages."},
	"limits.per_user":            {standard: "20", least: 1, about: "Connections of one person, or of one program's account, on a node."},
	"limits.per_address":         {standard: "100", least: 1, about: "Connections from one address on a node; see proxies."},
	"limits.per_node":            {standard: "15000", least: 1, about: "Connections of a node."},
	"limits.rate":                {standard: "20", least: 1, about: "Messages per second of one connection of a person."},
	"limits.burst":               {standard: "100", least: 1, about: "How many of them may come at once."},
	"limits.services":            {standard: "5000", least: 1, about: "Messages per second, and at once, of one connection of a service."},
	"limits.signals":             {standard: "30", least: 1, about: "Signals per second of one connection on one channel, beside those."},
	"limits.page":                {standard: "100", least: 1, about: "How many spaces, channels, tokens or sign-ins are listed at once; the rest is on further pages."},
	"limits.failures_by_account": {standard: "5", least: 1, about: "Failed sign-ins of one account from one address that are free. Each further one costs a wait, which doubles from 30 s to 15 min. On all nodes together."},
	"limits.failures_by_address": {standard: "30", least: 1, about: "Failed sign-ins from one address in a minute, whatever the accounts. On all nodes together."},

	"spaces":            {must: true, names: true, about: "The spaces by name. A space is one instrument with its people and its state."},
	"spaces.*.title":    {about: "The name of the space, for people."},
	"spaces.*.listed":   {standard: "true", about: "Whether people who are not signed in are told that there is this space."},
	"spaces.*.admit":    {about: "The roles of which somebody needs one to sign in. Without it, any role will do."},
	"spaces.*.login":    {about: "How signing in and out goes."},
	"spaces.*.control":  {about: "How control goes: who is in control drives the instrument, all others watch."},
	"spaces.*.busy":     {about: "When the instrument runs: a value of a store says so. What is refused_while_running, and on_lost, go by it. Without it, it never runs."},
	"spaces.*.channels": {must: true, names: true, about: "The channels by name: what is shared."},
	"spaces.*.commands": {names: true, about: "The commands by name: what people can ask a service to do."},
	"spaces.*.tasks":    {names: true, about: "What the hub does by itself, by name. Exactly one node runs each."},

	"spaces.*.login.preset":     {words: []string{"mxcube-2016"}, about: "A policy with a name. What is written beside it wins. mxcube-2016: one person at a time, asked before another sign-in of theirs is closed, and the queue is stopped when their page goes while it runs."},
	"spaces.*.login.other_user": {standard: "observe", words: []string{"observe", "reject"}, about: "What happens when somebody signs in while another person is signed in. observe: they watch, and may ask for control. reject: they are told who is there and since when."},
	"spaces.*.login.same_user":  {standard: "ask", words: []string{"ask", "join", "replace", "reject"}, about: "What happens when somebody signs in who is signed in on another computer or in another browser. ask: they are shown that, and may close it. join: both stay, control stays where it is. replace: the other one ends. reject: they are refused."},
	"spaces.*.login.logout":     {standard: "refused_while_running", words: []string{"refused_while_running", "now"}, about: "Whether the operator, and whoever is the last one here, may sign out while the instrument runs. Staff may, with a reason."},
	"spaces.*.login.idle":       {standard: "30m", about: "A sign-in ends when it had no open page and no request for so long. People watch a scan for an hour: an open page keeps it."},
	"spaces.*.login.idle_input": {about: "A sign-in ends when nobody has touched a key or a mouse for so long, page or not; with a minute's warning. Without it, nobody need."},
	"spaces.*.login.absolute":   {standard: "24h", about: "A sign-in ends after so long in any case."},

	"spaces.*.control.grace":        {standard: "30s", about: "How long the operator keeps control after the connection is lost. Everybody sees the countdown. Longer than reloading a page takes on a bad network."},
	"spaces.*.control.linger":       {standard: "2s", about: "How long a connection may be away before it counts as lost. Reloading a page stays below it."},
	"spaces.*.control.take":         {standard: "now", words: []string{"now", "refused_while_running"}, about: "Whether control may be taken from somebody while the instrument runs. Staff may, with a reason."},
	"spaces.*.control.on_lost":      {standard: "keep", about: "What happens to what runs when the operator's connection is lost: keep (it goes on), or a command is called."},
	"spaces.*.control.on_lost.call": {must: true, about: "The command that is called, with the right of a service, if the instrument runs."},
	"spaces.*.control.on_lost.at":   {standard: "expired", words: []string{"expired", "lost"}, about: "When: when the grace has passed, or as soon as the connection counts as lost."},

	"spaces.*.busy.store": {must: true, about: "The store, which has to be the same for everybody and not live."},
	"spaces.*.busy.key":   {must: true, about: "The key of the value."},
	"spaces.*.busy.path":  {about: "Where in the value to look: a JSON pointer (RFC 6901) such as /state. Without it, the whole value counts."},
	"spaces.*.busy.is":    {must: true, about: "The values that mean that the instrument runs."},

	"spaces.*.channels.*.kind":     {must: true, words: []string{"store", "log", "signal"}, about: "store: JSON values by key. log: messages in order, of which the last ones are kept. signal: not kept, whoever is there gets it."},
	"spaces.*.channels.*.scope":    {standard: "space", words: []string{"space", "group", "user"}, about: "Whose values a store has: one set for all (space), one for each proposal (group), or one for each person (user)."},
	"spaces.*.channels.*.live":     {standard: "false", about: "Keeps only the last value, in memory: for what changes many times a second. Nothing is decided on it, so the operator cannot be the one who writes it."},
	"spaces.*.channels.*.write":    {must: true, about: "Who may change it, any one suffices: operator (who is in control), member (everybody signed in), owner (in a store with a scope), or a role."},
	"spaces.*.channels.*.read":     {standard: "[member]", about: "Who may join and read it. It cannot depend on who is in control."},
	"spaces.*.channels.*.read_all": {standard: "[staff, service]", about: "Who may read everybody's values of a store with scope group or user. Everybody reads their own."},
	"spaces.*.channels.*.keep":     {standard: "1000", about: "How many messages a log keeps. They are in memory on every node."},
	"spaces.*.channels.*.keep_for": {about: "How long a log keeps messages, if there are not too many before. Without it, any time."},
	"spaces.*.channels.*.default":  {about: "Values of keys that nobody has set. They need no write, and change with the file."},
	"spaces.*.channels.*.schema":   {about: "A JSON Schema (2020-12) for the values or messages, or the path of a file with one, relative to the site file. What does not fit is refused, with the place that is wrong."},
	"spaces.*.channels.*.backend":  {about: "The backend that keeps the store elsewhere, too; see backends."},

	"spaces.*.commands.*.call":     {must: true, about: "Who may call it, any one suffices. A task calls as a service."},
	"spaces.*.commands.*.serve":    {standard: "[service]", about: "Who may carry it out: the roles of programs."},
	"spaces.*.commands.*.stop":     {standard: "false", about: "It is never held up by who is in control, nor by a log that does not answer. For what must always work."},
	"spaces.*.commands.*.args":     {about: "A JSON Schema (2020-12) for the arguments, or the path of a file with one. A call that does not fit reaches nobody."},
	"spaces.*.commands.*.progress": {about: "A JSON Schema for what the service says while it goes on."},
	"spaces.*.commands.*.result":   {about: "A JSON Schema for what the service says at the end."},
	"spaces.*.commands.*.deadline": {about: "A call that is not done after so long has failed, and its service is told to stop. Without it, it may take any time."},

	"spaces.*.tasks.*.every": {about: "How often, in whole seconds: 30s, 10m, 24h. This or cron."},
	"spaces.*.tasks.*.cron":  {about: "When, as six fields, seconds first, in UTC: 0 30 3 * * * is half past three every night. This or every."},
	"spaces.*.tasks.*.call":  {about: "The command that is called, with the right of a service. This or run."},
	"spaces.*.tasks.*.args":  {about: "The arguments of the call."},
	"spaces.*.tasks.*.run":   {about: "What is built in: checkpoint makes the log short, so that a node starts fast. This or call."},
	"spaces.*.tasks.*.on":    {about: "Only nodes that were started with this --label run it. Without it, any node."},

	"backends":               {names: true, about: "What keeps a store elsewhere, too, by name. Each keeps one store."},
	"backends.*.kind":        {must: true, about: "What it is. jsonfile: a file that other programs can read and edit. Others come with a binary of one's own."},
	"backends.*.on":          {about: "Only a node that was started with this --label has it. Without it, any node."},
	"backends.jsonfile.path": {must: true, about: "The file, relative to the site file. Edits of the values in it become ordinary writes of the store."},

	"authenticators":        {must: true, about: "Where people are looked up, in this order: the first one that knows the name and the password counts. OpenID providers have a button each on the sign-in page."},
	"authenticators.*.kind": {must: true, about: "What it is. file: a file that `baton user add` writes. ldap: a directory. http: a service of the site. oidc: an OpenID provider. dev: alice, bob and sam, whose passwords are their names, with --dev only. Others come with a binary of one's own."},

	"authenticators.file.path": {must: true, about: "The file, relative to the site file. The hub sees when it changes."},

	"authenticators.ldap.urls":                {must: true, about: "The servers, ldaps://HOST or ldap://HOST; the next one is asked if one is down."},
	"authenticators.ldap.start_tls":           {standard: "false", about: "Begins TLS on a connection of ldap://."},
	"authenticators.ldap.ca_file":             {about: "Certificates (PEM) of who vouches for the servers. Without it, those of the system."},
	"authenticators.ldap.bind_dn":             {about: "The account that searches. Without it, nobody, for directories that anybody may search."},
	"authenticators.ldap.bind_password_file":  {about: "The file with its password, which is read for each sign-in."},
	"authenticators.ldap.base":                {must: true, about: "Where people are."},
	"authenticators.ldap.filter":              {standard: "(uid={user})", about: "Finds a person; {user} is the account as it was typed."},
	"authenticators.ldap.user":                {standard: "uid", about: "The attribute with the account."},
	"authenticators.ldap.name":                {standard: "cn", about: "The attribute with the name for people."},
	"authenticators.ldap.member_of":           {about: "The attribute of a person with the names (DN) of their groups, such as memberOf. This, or groups."},
	"authenticators.ldap.groups":              {about: "Where else groups are found."},
	"authenticators.ldap.groups.base":         {about: "Where they are. Without it, they are not looked for."},
	"authenticators.ldap.groups.filter":       {standard: "(member={dn})", about: "Finds those of a person; {dn} is theirs, {user} their account."},
	"authenticators.ldap.roles":               {must: true, about: "What the members of a group are. A group is named by its DN or by the first part of it; \"*\" is everybody. Who has no role is refused."},
	"authenticators.ldap.proposals":           {about: "Where proposals come from. Without it, there are none."},
	"authenticators.ldap.proposals.attribute": {about: "The attribute of a person with them. Without it, they are among the names of their groups."},
	"authenticators.ldap.proposals.pattern":   {about: "What one looks like: a regular expression; what is in parentheses is the proposal."},
	"authenticators.ldap.timeout":             {standard: "5s", about: "For a sign-in, all servers together."},

	"authenticators.http.url":         {must: true, about: "Where credentials are sent: https, or http on this machine."},
	"authenticators.http.ca_file":     {about: "Certificates (PEM) of who vouches for the service. Without it, those of the system."},
	"authenticators.http.header":      {about: "A header by which the service knows the hub, such as Authorization."},
	"authenticators.http.header_file": {about: "The file with the value of that header, which is read for each sign-in."},
	"authenticators.http.timeout":     {standard: "5s", about: "For an answer."},

	"authenticators.oidc.name":               {must: true, about: "A word for addresses: people come back to /api/v1/login/NAME/callback, which has to be registered at the provider."},
	"authenticators.oidc.title":              {about: "For the button of the sign-in page. Without it, the name."},
	"authenticators.oidc.issuer":             {must: true, about: "The provider: https, or http on this machine."},
	"authenticators.oidc.client_id":          {must: true, about: "What the provider knows the hub as."},
	"authenticators.oidc.client_secret_file": {about: "The file with the hub's secret there, which is read for each sign-in. Without it, the hub has none."},
	"authenticators.oidc.ca_file":            {about: "Certificates (PEM) of who vouches for the provider. Without it, those of the system."},
	"authenticators.oidc.url":                {about: "Where browsers reach the hub, such as https://baton.example.org. Without it, where they say."},
	"authenticators.oidc.scopes":             {standard: "[profile]", about: "What is asked for beside openid."},
	"authenticators.oidc.claims":             {must: true, about: "The names of what is read. One with dots is looked for as it is, and then inside: realm_access.roles."},
	"authenticators.oidc.claims.user":        {must: true, about: "The account. It has to be something that people cannot choose freely: sub always is."},
	"authenticators.oidc.claims.name":        {standard: "name", about: "The name for people."},
	"authenticators.oidc.claims.roles":       {standard: "groups", about: "Groups or roles, of which roles makes the hub's."},
	"authenticators.oidc.claims.proposals":   {about: "Proposals, or what holds them. Without it, that of the roles, if there is a pattern."},
	"authenticators.oidc.roles":              {must: true, about: "What those are who have a value in the claim of roles; \"*\" is everybody whom the provider knows. Who has no role is refused."},
	"authenticators.oidc.pattern":            {about: "What a proposal looks like: a regular expression; what is in parentheses is the proposal."},
	"authenticators.oidc.timeout":            {standard: "10s", about: "For all that is asked for one sign-in."},

	"issuers":                   {about: "Other issuers whose JWTs are taken for tokens: a login service of the site's, a workflow system."},
	"issuers.*.issuer":          {must: true, about: "Its name, exactly as iss in its tokens."},
	"issuers.*.audience":        {must: true, about: "What has to be in aud: what it gives out for others is not good here."},
	"issuers.*.jwks_url":        {about: "Where its public keys are (a JWK set): https, or http on this machine. This, or keys_file. When it is out of reach, the keys that were read are good for a day."},
	"issuers.*.keys_file":       {about: "The file with its public keys (a JWK set), relative to the site file. The hub sees when it changes."},
	"issuers.*.algorithms":      {must: true, about: "What it signs with, such as ES256: EdDSA, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384 or PS512. Others are refused."},
	"issuers.*.user_claim":      {standard: "sub", about: "The claim with the account; with dots, one in another, as realm_access.roles."},
	"issuers.*.name_claim":      {standard: "name", about: "The claim with the name for people."},
	"issuers.*.roles_claim":     {standard: "roles", about: "The claim with what role_map goes by: a list, or words with spaces between them."},
	"issuers.*.role_map":        {must: true, about: "What who has something in roles_claim is here; \"*\" is every token. Who has no role is refused."},
	"issuers.*.proposals_claim": {about: "The claim with proposals. A token with exactly one is for it. Without it, there are none."},
	"issuers.*.spaces":          {about: "Where its tokens are good. Without it, in every space."},
}
