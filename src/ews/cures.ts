/** What an administrator types into the Exchange Management Shell: the least that mends the trouble, ready to paste. */

const MANAGED = 'CRM mailboxes'

/** Lets an account act for the members of one group, and for nobody else. */
export function impersonationCure(account: string): string {
  const group = `$group = (Get-DistributionGroup "${MANAGED}").DistinguishedName`
  const scope = `New-ManagementScope -Name "${MANAGED}" -RecipientRestrictionFilter "MemberOfGroup -eq '$group'"`
  const right = `New-ManagementRoleAssignment -Name "vtenext exchange-connector" -Role ApplicationImpersonation -User "${account}" -CustomRecipientWriteScope "${MANAGED}"`
  return `${group}; ${scope}; ${right}`
}

/** Turns a way of signing in on. */
export const signInCure = (auth: 'basic' | 'ntlm' | undefined): string =>
  `Get-WebServicesVirtualDirectory | Set-WebServicesVirtualDirectory ${auth === 'ntlm' ? '-WindowsAuthentication' : '-BasicAuthentication'} $true`

/** Lets an account into one folder of a mailbox. @param folder display name, as the mailbox has it */
export const folderCure = (mailbox: string, folder: string, account: string, role: string): string =>
  `Add-MailboxFolderPermission -Identity "${mailbox}:\\${folder}" -User "${account}" -AccessRights ${role}`

export interface Patient {
  readonly mailbox: string
  readonly account: string
  readonly auth: 'basic' | 'ntlm' | undefined
}

/** By error code; what is not here is mended by what the message says. */
export const CURES: Readonly<Record<string, (patient: Patient) => string>> = {
  EWS_UNREACHABLE: () => 'Check the host name, the port, the firewall and that the server runs.',
  EWS_NOT_EWS: () => 'Use the address that Get-WebServicesVirtualDirectory | fl ExternalUrl,InternalUrl shows.',
  EWS_BAD_REPLY: () => 'Look at the address in a browser: a proxy or a login page answers instead of Exchange.',
  EWS_TLS: () => 'Mend the certificate as said; that of a CA of your own (PEM) stands under "ca" of the connection. Verification cannot be switched off.',
  EWS_AUTODISCOVER: () => 'Type the "url" of the connection, or publish Autodiscover: Get-ClientAccessService | fl AutoDiscoverServiceInternalUri shows what the servers know.',
  EWS_UNAUTHORIZED: ({ account, auth }) => `Correct user name and password; Get-ADUser "${bare(account)}" -Properties LockedOut,PasswordExpired shows whether it is locked (Unlock-ADAccount "${bare(account)}"). `
    + `${signInCure(auth)} turns the sign-in on.`,
  EWS_NO_SIGN_IN: ({ auth }) => `Set "auth" of the connection to what the server offers, or: ${signInCure(auth)}`,
  EWS_FORBIDDEN: ({ account }) => `Set-CASMailbox "${account}" -EwsEnabled $true; Get-OrganizationConfig | fl Ews* shows whether only named user agents are let in (Set-OrganizationConfig -EwsAllowList @{Add="exchange-connector"}).`,
  EWS_IMPERSONATION_DENIED: ({ account }) => impersonationCure(account),
  EWS_NO_MAILBOX: ({ mailbox }) => `Correct the address under "users": Get-Mailbox -Anr "${mailbox.split('@')[0] ?? mailbox}" | fl PrimarySmtpAddress. A user without mailbox gets one with Enable-Mailbox.`,
  EWS_RENAMED: ({ mailbox }) => `Correct the address under "users": Get-Recipient "${mailbox}" | fl PrimarySmtpAddress`,
  EWS_DISABLED: ({ mailbox }) => `Enable-ADAccount (Get-User "${mailbox}").SamAccountName; or take the mailbox out of "users".`,
  EWS_PASSWORD_EXPIRED: ({ account }) => `Set-ADAccountPassword "${bare(account)}" -Reset; for a service account also Set-ADUser "${bare(account)}" -PasswordNeverExpires $true. Then correct the configuration.`,
  EWS_MAILBOX_FULL: ({ mailbox }) => `Get-MailboxStatistics "${mailbox}" | fl TotalItemSize,StorageLimitStatus; Set-Mailbox "${mailbox}" -UseDatabaseQuotaDefaults $false -ProhibitSendReceiveQuota 10GB -ProhibitSendQuota 9.5GB`,
  EWS_MOVED: ({ mailbox }) => `Get-MoveRequest "${mailbox}" | Get-MoveRequestStatistics shows how far it is; it goes on by itself.`,
  EWS_BUSY: ({ account }) => `Wait, or give the account a policy of its own: New-ThrottlingPolicy "CRM connector" -ThrottlingPolicyScope Regular -EwsMaxConcurrency 54 -EwsMaxSubscriptions 5000; `
    + `Set-ThrottlingPolicyAssociation "${account}" -ThrottlingPolicy "CRM connector"`,
}

/** Ready to paste; null where the error's own message says all there is to do. */
export const cureFor = (code: string, patient: Patient): string | null => CURES[code]?.(patient) ?? null

/** The name Active Directory's own commands take. */
const bare = (account: string): string => account.replace(/^.*\\/, '').replace(/@.*$/, '')
