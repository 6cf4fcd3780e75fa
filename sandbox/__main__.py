from sandbox.manage import main

main()
