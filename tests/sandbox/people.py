"""The demo world of these tests: one account with devices, one without."""

PASSWORD = "a demo password, 12+"
MY_IPHONE = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OFFICE_IPAD = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
RILEY_PUSH = "5d1f8a0e-2222-4222-8222-222222222223"
REFRESH_TOKEN = "seeded-refresh-token-of-riley"
RILEY = "5d1f8a0e-1111-4111-8111-111111111111"

WORLD = {
    "password": PASSWORD,
    "idme": {
        "accounts": [
            {
                "key": "ready",
                "subject": RILEY,
                "email": "riley.ready@demo.example",
                "password": PASSWORD,
                "first_name": "Riley",
                "last_name": "Ready",
                "refresh_token": REFRESH_TOKEN,
                "devices": [
                    {
                        "id": "5d1f8a0e-2222-4222-8222-222222222221",
                        "type": "code_generator",
                        "name": "MyiPhone",
                        "secret": MY_IPHONE,
                    },
                    {
                        "id": "5d1f8a0e-2222-4222-8222-222222222222",
                        "type": "code_generator",
                        "name": "OfficeiPad",
                        "secret": OFFICE_IPAD,
                    },
                    {"id": RILEY_PUSH, "type": "push", "name": "RileyPush"},
                ],
            },
            {
                "key": "new",
                "subject": "5d1f8a0e-3333-4333-8333-333333333333",
                "email": "nora.new@demo.example",
                "first_name": "Nora",
                "last_name": "New",
                "devices": [],
            },
        ]
    },
}
