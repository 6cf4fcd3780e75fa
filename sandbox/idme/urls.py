from django.urls import path

from sandbox import health
from sandbox.idme.models import DeviceType
from sandbox.idme.views import account, oidc, phone, signin, switches

SET_UP = "account/security/set-up/"

urlpatterns = [
    path("health/ready", health.ready, name="health-ready"),
    path("oidc/.well-known/openid-configuration", oidc.discovery, name="discovery"),
    path("oidc/.well-known/jwks", oidc.jwks, name="jwks"),
    path("oauth/authorize", oidc.authorize, name="authorize"),
    path("oauth/token", oidc.token, name="token"),
    path("oauth/backchannel", oidc.backchannel, name="backchannel"),
    path("api/public/v3/userinfo", oidc.user_info, name="userinfo"),
    path("", account.home, name="account"),
    path("signin/", signin.sign_in, name="sign-in"),
    path("signin/method/", signin.method, name="sign-in-method"),
    path("signin/verify/", signin.verify, name="sign-in-verify"),
    path("signin/recover/", signin.recover, name="sign-in-recover"),
    path("account/recovery-code/", signin.recovery_code, name="recovery-code"),
    path("signin/push/<uuid:push>.json", signin.push_state, name="sign-in-push"),
    path("signup/", signin.sign_up, name="sign-up"),
    path("signout/", signin.sign_out, name="sign-out"),
    path("account/verify-identity/", signin.verify_identity, name="verify-identity"),
    path("account/security/", account.security, name="security"),
    path(
        "account/security/devices/<uuid:device>/remove/",
        account.remove,
        name="device-remove",
    ),
    path("account/apps/remove/", account.remove_app, name="app-remove"),
    path("account/secure/", account.secure_account, name="secure-account"),
    path(
        f"{SET_UP}code-generator/",
        account.set_up,
        {"kind": DeviceType.CODE_GENERATOR},
        name="set-up-code-generator",
    ),
    path(
        f"{SET_UP}push/", account.set_up, {"kind": DeviceType.PUSH}, name="set-up-push"
    ),
    path(
        f"{SET_UP}text/", account.set_up, {"kind": DeviceType.TEXT}, name="set-up-text"
    ),
    path(f"{SET_UP}<uuid:device>/", account.finish, name="set-up-finish"),
    path("switches/", switches.page, name="switches"),
    path("switches/normal/", switches.normal, name="switches-normal"),
    path("switches/rotate/", switches.rotate, name="switches-rotate"),
    path("phone/", phone.chooser, name="phone-chooser"),
    path("phone/<slug:reference>/", phone.phone, name="phone"),
    path("phone/<slug:reference>/feed/", phone.feed, name="phone-feed"),
    path("phone/<slug:reference>/codes.json", phone.codes_json, name="phone-codes"),
    path("phone/<slug:reference>/push/<uuid:push>/", phone.answer, name="phone-answer"),
    path(
        "phone/<slug:reference>/approvals/<uuid:approval>/",
        phone.decide,
        name="phone-decide",
    ),
    path("phone/<slug:reference>/links/<uuid:token>/", phone.link, name="phone-link"),
]
